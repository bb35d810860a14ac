/// The canonical names, each written once.
public enum Names {
  public static let logitScale = "logit_scale"

  public static let tokenTable = "text_model.embeddings.token_embedding.weight"
  public static let textPositions = "text_model.embeddings.position_embedding.weight"
  public static let textFinalNorm = "text_model.final_layer_norm"
  public static let textProjection = "text_projection.weight"

  static let patchModule = "vision_model.embeddings.patch_embedding"
  public static let classEmbedding = "vision_model.embeddings.class_embedding"
  public static let patchEmbedding = patchModule + ".weight"
  public static let imagePositions = "vision_model.embeddings.position_embedding.weight"
  /// Spelt so in every published checkpoint.
  public static let imagePreNorm = "vision_model.pre_layrnorm"
  public static let imagePostNorm = "vision_model.post_layernorm"
  public static let imageProjection = "visual_projection.weight"

  /// The names of one residual block.
  public struct Block: Sendable {
    private let prefix: String

    public init(_ tower: Tower, _ index: Int) {
      let model = tower == .image ? "vision_model" : "text_model"
      prefix = "\(model).encoder.layers.\(index)."
    }

    // Each is the name of a module: `weight(_:)` and `bias(_:)` name its tensors.
    public var norm1: String { prefix + "layer_norm1" }
    public var query: String { prefix + "self_attn.q_proj" }
    public var key: String { prefix + "self_attn.k_proj" }
    public var value: String { prefix + "self_attn.v_proj" }
    public var output: String { prefix + "self_attn.out_proj" }
    public var norm2: String { prefix + "layer_norm2" }
    public var expand: String { prefix + "mlp.fc1" }
    public var contract: String { prefix + "mlp.fc2" }
  }

  public static func weight(_ module: String) -> String { module + ".weight" }
  public static func bias(_ module: String) -> String { module + ".bias" }
}
