public import Bytes

/// Why a model does not answer: its input or its weights do not fit its configuration.
public struct TowerError: Failure, Equatable {
  /// What was wrong, in one word that never changes between releases.
  public enum Code: String, Sendable, CaseIterable {
    /// The pixels are no whole number of images of the model's size.
    case pixelCount
    /// A text has no token at all.
    case emptyText
    /// A text has more tokens than the model has positions.
    case textLength
    /// A token id that the vocabulary does not have.
    case tokenID
    /// A tensor is not of the shape that the configuration needs.
    case shape
    /// A tensor is of a type that weights do not come in.
    case elementType
    /// An embedding has no direction: it is all zeros, or has a value that is no number or
    /// infinite.
    case embedding
  }

  public var code: Code
  /// What was found and what is allowed, as one clause: no capital, no full stop.
  public var reason: String

  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  public var subject: Subject? { nil }
  public var description: String { reason }
}
