public import Tensors

/// One tensor that a model must have.
public struct Parameter: Equatable, Sendable {
  /// The name in transformers' CLIPModel: the canonical name throughout this project.
  public let name: String
  public let shape: Shape
  /// `nil` for what belongs to both.
  public let tower: Tower?
  public let role: Role
  /// Whether it is a matrix or table with no other before it, or none after it, in its tower.
  public let isAtEdge: Bool

  public enum Role: Sendable {
    /// Multiplied with activations: `[out, in]`, or the patch convolution `[out, channels, p, p]`.
    case matrix
    /// The token table, `[ids, width]`: rows are looked up.
    case table
    /// Added or scaled by: biases, LayerNorm, class and position embeddings, `logit_scale`.
    case vector
  }
}

extension Network.Scores {
  /// The tensors that belong to both towers.
  public var parameters: [Parameter] {
    ([scale] + (bias.map { [$0] } ?? [])).map {
      Parameter(name: $0, shape: [], tower: nil, role: .vector, isAtEdge: false)
    }
  }
}
