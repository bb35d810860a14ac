public import Tensors

/// One tensor that a model must have.
public struct Parameter: Equatable, Sendable {
  /// The name in transformers' CLIPModel: the canonical name throughout this project.
  public let name: String
  public let shape: Shape
  /// `nil` for what belongs to both.
  public let tower: Tower?
  public let role: Role

  public enum Role: Sendable {
    /// Multiplied with activations: `[out, in]`, or the patch convolution `[out, channels, p, p]`.
    case matrix
    /// The token table, `[ids, width]`: rows are looked up.
    case table
    /// Added or scaled by: biases, LayerNorm, class and position embeddings, `logit_scale`.
    case vector
  }
}

/// The canonical names, each written once.
public enum Names {
  public static let logitScale = "logit_scale"

  public static let tokenTable = "text_model.embeddings.token_embedding.weight"
  public static let textPositions = "text_model.embeddings.position_embedding.weight"
  public static let textFinalNorm = "text_model.final_layer_norm"
  public static let textProjection = "text_projection.weight"

  public static let classEmbedding = "vision_model.embeddings.class_embedding"
  public static let patchEmbedding = "vision_model.embeddings.patch_embedding.weight"
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

extension Configuration {
  /// Every tensor of the model, in the order in which the forward pass meets them: the image
  /// tower, the text tower, then what both share.
  public var parameters: [Parameter] {
    var list: [Parameter] = []
    if let image { list += parameters(of: image) }
    if let text { list += parameters(of: text) }
    if image != nil, text != nil {
      list.append(Parameter(name: Names.logitScale, shape: [], tower: nil, role: .vector))
    }
    return list
  }

  private func parameters(of image: Image) -> [Parameter] {
    let width = image.transformer.width
    var list = List(tower: .image)
    list.add(Names.classEmbedding, [width], .vector)
    list.add(
      Names.patchEmbedding, [width, image.channels, image.patchSize, image.patchSize], .matrix)
    list.add(Names.imagePositions, [image.positions, width], .vector)
    list.addNorm(Names.imagePreNorm, width)
    list.addBlocks(image.transformer)
    list.addNorm(Names.imagePostNorm, width)
    list.add(Names.imageProjection, [projectionWidth, width], .matrix)
    return list.parameters
  }

  private func parameters(of text: Text) -> [Parameter] {
    let width = text.transformer.width
    var list = List(tower: .text)
    list.add(Names.tokenTable, [text.vocabularySize, width], .table)
    list.add(Names.textPositions, [text.positions, width], .vector)
    list.addBlocks(text.transformer)
    list.addNorm(Names.textFinalNorm, width)
    list.add(Names.textProjection, [projectionWidth, width], .matrix)
    return list.parameters
  }

  private struct List {
    let tower: Tower
    var parameters: [Parameter] = []

    mutating func add(_ name: String, _ shape: Shape, _ role: Parameter.Role) {
      parameters.append(Parameter(name: name, shape: shape, tower: tower, role: role))
    }

    mutating func addNorm(_ module: String, _ width: Int) {
      add(Names.weight(module), [width], .vector)
      add(Names.bias(module), [width], .vector)
    }

    mutating func addLinear(_ module: String, _ output: Int, _ input: Int) {
      add(Names.weight(module), [output, input], .matrix)
      add(Names.bias(module), [output], .vector)
    }

    mutating func addBlocks(_ transformer: Transformer) {
      let width = transformer.width
      for index in 0..<transformer.layers {
        let block = Names.Block(tower, index)
        addNorm(block.norm1, width)
        addLinear(block.query, width, width)
        addLinear(block.key, width, width)
        addLinear(block.value, width, width)
        addLinear(block.output, width, width)
        addNorm(block.norm2, width)
        addLinear(block.expand, transformer.hiddenWidth, width)
        addLinear(block.contract, width, transformer.hiddenWidth)
      }
    }
  }
}
