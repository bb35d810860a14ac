/// A place in a tower where values can be looked at, in the order of computation.
public enum Stage: Hashable, Sendable, CustomStringConvertible {
  /// The input of the first block: transformers' `hidden_states[0]`, in the image tower after
  /// `pre_layrnorm`. `[rows, width]`.
  case embeddings
  /// The output of a block, from 0: transformers' `hidden_states[i + 1]`. `[rows, width]`.
  case block(Int)
  /// What stands for the whole input, after the last LayerNorm: `pooler_output`. `[inputs, width]`.
  case pooled
  /// In the shared space, not normalised. `[inputs, projectionWidth]`.
  case projected

  public var description: String {
    switch self {
    case .embeddings: "embeddings"
    case .block(let index): "block \(index)"
    case .pooled: "pooled"
    case .projected: "projected"
    }
  }
}

/// Looks at a stage's values while they exist.
///
/// `rows` are the tokens of all inputs, one input after the other: an image has
/// `Configuration.Image.positions`, a text `TextTower.length(of:)`.
public typealias Observer = (Stage, Span<Float>) throws -> Void
