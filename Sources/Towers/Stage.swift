/// A place in a tower where values can be looked at, in the order of computation: `embeddings`, the
/// input of the first block; `block 0` and so on, the output of each; `pooled`, what stands for the
/// whole input; `projected`, before it is normalised.
public struct Stage: Hashable, Sendable, CustomStringConvertible {
  /// As the network calls it.
  public let name: String
  /// Columns.
  public let width: Int

  public init(_ name: String, width: Int) {
    self.name = name
    self.width = width
  }

  public var description: String { name }
}

/// Looks at a stage's values while they exist: the rows of all inputs, one input after the other.
public typealias Observer = (Stage, Span<Float>) throws -> Void
