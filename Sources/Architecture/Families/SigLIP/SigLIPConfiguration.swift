public import Bytes

/// SigLIP, and SigLIP 2 of fixed resolution, as transformers has them: a vision transformer whose
/// tokens a learned query sums up, and a text transformer that reads all positions, the padding
/// too.
///
/// Source: `models/siglip/configuration_siglip.py` of transformers 5.24. A missing key means that
/// file's default.
public struct SigLIPConfiguration: Equatable, Sendable {
  public var image: Image?
  public var text: Text?

  public struct Transformer: Equatable, Sendable {
    public var width: Int
    public var layers: Int
    public var heads: Int
    public var hiddenWidth: Int
    public var activation: Activation
    public var layerNormEpsilon: Float
  }

  public struct Image: Equatable, Sendable {
    public var transformer: Transformer
    public var imageSize: Int
    public var patchSize: Int
    public var channels: Int

    var positions: Int { (imageSize / patchSize) * (imageSize / patchSize) }
  }

  public struct Text: Equatable, Sendable {
    public var transformer: Transformer
    public var vocabularySize: Int
    public var positions: Int
    /// The width of the shared space.
    public var projectionWidth: Int
    /// The id that fills the positions that a text leaves.
    public var padding: Int
  }
}

extension SigLIPConfiguration {
  /// Reads a `config.json`.
  ///
  /// - Parameter padding: the id that the tokenizer pads with; the configuration's where it is
  ///   `nil`.
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  init(transformers json: JSON, padding: Int? = nil) throws(FormatError) {
    let root = try Fields(json, "the text")
    switch root["model_type"]?.string {
    case "siglip"?, "siglip2"?:
      if root["vision_config"] != nil || root["text_config"] == nil {
        image = try Self.image(try root.object("vision_config"))
      }
      if root["text_config"] != nil || root["vision_config"] == nil {
        text = try Self.text(try root.object("text_config"), padding)
      }
    case "siglip_vision_model"?: image = try Self.image(root)
    case "siglip_text_model"?: text = try Self.text(root, padding)
    default:
      throw FormatError(
        .unsupported,
        "model_type is \(root["model_type"]?.excerpt ?? "missing"), the tensors are SigLIP's: "
          + "\"siglip\", \"siglip_vision_model\" and \"siglip_text_model\" are supported")
    }
  }

  private static func image(_ fields: Fields) throws(FormatError) -> Image {
    try fields.refuse("vision_use_head", unless: [true])
    let image = Image(
      transformer: try transformer(fields),
      imageSize: try fields.edge("image_size", Limits.imageSize, default: 224),
      patchSize: try fields.edge("patch_size", Limits.imageSize, default: 16),
      channels: try fields.whole("num_channels", 3...3, default: 3))
    guard image.patchSize <= image.imageSize else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)patch_size is \(image.patchSize), at most \(fields.path)image_size "
          + "\(image.imageSize) is allowed")
    }
    return image
  }

  private static func text(_ fields: Fields, _ padding: Int?) throws(FormatError) -> Text {
    let transformer = try transformer(fields)
    let described = try fields.whole("pad_token_id", Limits.tokenID, default: 1)
    return Text(
      transformer: transformer,
      vocabularySize: try fields.whole("vocab_size", Limits.vocabulary, default: 32_000),
      positions: try fields.whole("max_position_embeddings", Limits.positions, default: 64),
      projectionWidth: try fields.whole(
        "projection_size", Limits.projection, default: transformer.width),
      padding: padding ?? described)
  }

  private static func transformer(_ fields: Fields) throws(FormatError) -> Transformer {
    let transformer = Transformer(
      width: try fields.whole("hidden_size", Limits.width, default: 768),
      layers: try fields.whole("num_hidden_layers", Limits.layers, default: 12),
      heads: try fields.whole("num_attention_heads", Limits.heads, default: 12),
      hiddenWidth: try fields.whole("intermediate_size", Limits.hiddenWidth, default: 3072),
      activation: try activation(fields),
      layerNormEpsilon: Float(try fields.number("layer_norm_eps", Limits.epsilon, default: 1e-6)))
    guard transformer.width % transformer.heads == 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)num_attention_heads is \(transformer.heads), a divisor of "
          + "\(fields.path)hidden_size \(transformer.width) is required")
    }
    return transformer
  }

  /// transformers' names of activations.
  private static let activations: [(name: String, activation: Activation)] = [
    ("gelu_pytorch_tanh", .tanhGELU), ("gelu", .gelu), ("quick_gelu", .quickGELU),
  ]

  private static func activation(_ fields: Fields) throws(FormatError) -> Activation {
    guard let json = fields["hidden_act"] else { return .tanhGELU }
    guard let known = activations.first(where: { $0.name == json.string }) else {
      let names = activations.map { JSON.quoted($0.name) }.joined(separator: ", ")
      throw fields.error("hidden_act", json, "one of \(names) is allowed")
    }
    return known.activation
  }

  /// The normalised `config.json`. Reading it gives an equal configuration, and transformers loads
  /// it.
  public var json: JSON {
    switch (image, text) {
    case (let image?, let text?):
      [
        "architectures": ["SiglipModel"], "model_type": "siglip",
        "text_config": .object(json(of: text)), "vision_config": .object(json(of: image)),
      ]
    case (let image?, nil):
      .object(JSON.Object([("architectures", ["SiglipVisionModel"])] + json(of: image).members))
    case (nil, let text?):
      .object(JSON.Object([("architectures", ["SiglipTextModel"])] + json(of: text).members))
    case (nil, nil): preconditionFailure("a configuration without towers")
    }
  }

  private func json(of image: Image) -> JSON.Object {
    var object = json(of: image.transformer, "siglip_vision_model")
    object["image_size"] = .integer(image.imageSize)
    object["patch_size"] = .integer(image.patchSize)
    object["num_channels"] = .integer(image.channels)
    return object
  }

  private func json(of text: Text) -> JSON.Object {
    var object = json(of: text.transformer, "siglip_text_model")
    object["vocab_size"] = .integer(text.vocabularySize)
    object["max_position_embeddings"] = .integer(text.positions)
    object["projection_size"] = .integer(text.projectionWidth)
    object["pad_token_id"] = .integer(text.padding)
    return object
  }

  private func json(of transformer: Transformer, _ type: String) -> JSON.Object {
    let activation = Self.activations.first { $0.activation == transformer.activation }
    return [
      "model_type": .string(type), "hidden_size": .integer(transformer.width),
      "intermediate_size": .integer(transformer.hiddenWidth),
      "num_hidden_layers": .integer(transformer.layers),
      "num_attention_heads": .integer(transformer.heads),
      "hidden_act": .string(activation?.name ?? "gelu"),
      "layer_norm_eps": JSON(decimal: transformer.layerNormEpsilon),
    ]
  }
}

extension JSON.Object {
  /// All members in their order.
  fileprivate var members: [(String, JSON)] { keys.map { ($0, self[$0] ?? .null) } }
}
