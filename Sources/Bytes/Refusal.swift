public import SystemPackage

/// Why a request cannot be met, in one clause.
public struct Refusal: Failure {
  /// What was wrong, in one word that never changes between releases.
  public enum Code: String, Sendable, CaseIterable {
    /// None of those below.
    case refused
    /// A pack that says nothing of what its original answered.
    case noEvidence
    /// A model lacks the tower that is asked.
    case noTower
    /// A model lacks the tokenizer that texts are read with.
    case noTokenizer
    /// Evidence was asked for and forbidden at once.
    case evidenceForbidden
    /// Weights that are NaN, infinite, or beyond the type that they are to be rounded to.
    case notFinite
    /// No pack reaches the cosine that was asked for.
    case cosineOutOfReach
    /// An original whose answers are no embeddings.
    case noAnswer
    /// A recipe of which nothing is left that answers.
    case nothingLeft
    /// Files are there already that would be replaced.
    case exists
    /// An output would replace a file that is read.
    case isInput
    /// Embeddings of two spaces, which do not compare.
    case otherSpace
  }

  public var code: Code
  /// The file that the reason is about, where it names one.
  public var subject: Subject?
  public let reason: String
  public var description: String { reason }

  /// - Parameter file: the file that `reason` is about and names; the error is then not taken for
  ///   one about the file that is being worked on.
  public init(_ reason: String, _ code: Code = .refused, about file: FilePath? = nil) {
    self.code = code
    self.reason = reason
    subject = file.map(Subject.file)
  }
}
