public import Architecture
public import Checkpoints
public import SystemPackage
public import Tokenizers

/// A checkpoint and what lies beside it, as the verifier has it: what packs are held against.
public struct Original: Sendable {
  public let checkpoint: Checkpoint
  /// `nil` without a text tower, and where no tokenizer files lie beside the weights.
  public let tokenizer: Tokenizer?
  /// `nil` where the tokenizer is the one beside the weights.
  public let tokenizerFolder: FilePath?
  /// `nil` for a text-only model.
  public var preprocessing: Preprocessing? { checkpoint.preprocessing }

  /// - Parameter tokenizerFolder: `nil` for the tokenizer beside the weights.
  /// - Throws: what reading the tokenizer throws.
  public init(_ checkpoint: Checkpoint, tokenizerFolder: FilePath? = nil) throws {
    self.checkpoint = checkpoint
    self.tokenizerFolder = tokenizerFolder
    let folder = tokenizerFolder ?? checkpoint.tokenizerFolder
    let isThere = tokenizerFolder != nil || Tokenizer.isIn(folder)
    tokenizer = checkpoint.graph.text != nil && isThere ? try Tokenizer(folder: folder) : nil
  }

  /// For messages.
  var name: String { checkpoint.folder.isEmpty ? "." : checkpoint.folder.string }
}
