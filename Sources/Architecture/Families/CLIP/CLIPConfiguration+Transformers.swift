public import Bytes

/// `config.json` of transformers: `CLIPConfig`, `CLIPTextConfig` and `CLIPVisionConfig`, and the
/// same three of MetaCLIP 2.
///
/// Source: `models/clip/configuration_clip.py` and `models/metaclip_2/configuration_metaclip_2.py`
/// of transformers 5.24. A missing key means that file's default; keys that say nothing about the
/// forward pass are ignored.
extension CLIPConfiguration {
  /// Reads a `config.json`.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  public init(transformers json: JSON) throws(FormatError) {
    let root = try Fields(json, "the text")
    let type = try Self.modelType(root)
    let edition: Edition = type.rawValue.hasPrefix("metaclip") ? .metaCLIP2 : .openAI
    let width = try root.whole("projection_dim", Limits.projection, default: 512)
    switch type {
    case .both, .metaCLIP2:
      self.init(
        image: try Self.image(try Self.part("vision", of: root)),
        text: try Self.text(try Self.part("text", of: root), edition), projectionWidth: width)
    case .text, .metaCLIP2Text:
      self.init(image: nil, text: try Self.text(root, edition), projectionWidth: width)
    case .image, .metaCLIP2Image:
      self.init(image: try Self.image(root), text: nil, projectionWidth: width)
    }
    self.edition = edition
  }

  enum ModelType: String, CaseIterable {
    case both = "clip"
    case text = "clip_text_model"
    case image = "clip_vision_model"
    case metaCLIP2 = "metaclip_2"
    case metaCLIP2Text = "metaclip_2_text_model"
    case metaCLIP2Image = "metaclip_2_vision_model"
  }

  private static func modelType(_ root: Fields) throws(FormatError) -> ModelType {
    if let found = root["model_type"] {
      guard let type = found.string.flatMap(ModelType.init) else {
        let supported = ModelType.allCases.map { JSON.quoted($0.rawValue) }
        throw FormatError(
          .unsupported,
          "model_type is \(found.excerpt), \(supported.joined(separator: ", ")) are supported")
      }
      return type
    }
    func has(_ keys: String...) -> Bool { keys.contains { root[$0] != nil } }
    if has("text_config", "vision_config", "text_config_dict", "vision_config_dict") {
      return .both
    }
    if has("vocab_size", "max_position_embeddings") { return .text }
    if has("image_size", "patch_size") { return .image }
    throw FormatError(
      .invalidField, "model_type is missing, and so are text_config and vision_config")
  }

  /// A tower's part. `<tower>_config_dict` came first and still wins: transformers fills it up
  /// with defaults and lets the result override all of `<tower>_config`.
  private static func part(_ tower: String, of root: Fields) throws(FormatError) -> Fields {
    let old = "\(tower)_config_dict"
    return try root.object(root[old] == nil ? "\(tower)_config" : old)
  }

  static func image(_ fields: Fields) throws(FormatError) -> Image {
    try Image(
      transformer: transformer(fields, width: 768, heads: 12, hiddenWidth: 3072),
      sizes: fields, imageSize: 224, patchSize: 32)
  }

  private static func text(
    _ fields: Fields, _ edition: Edition
  ) throws(FormatError) -> Text {
    let end = try fields.whole("eos_token_id", Limits.tokenID, default: 49407)
    return Text(
      transformer: try transformer(fields, width: 512, heads: 8, hiddenWidth: 2048),
      vocabularySize: try fields.whole("vocab_size", Limits.vocabulary, default: 49408),
      positions: try fields.whole("max_position_embeddings", Limits.positions, default: 77),
      pooling: end == 2 && edition == .openAI ? .largestID : .first(end))
  }

  private static func transformer(
    _ fields: Fields, width: Int, heads: Int, hiddenWidth: Int
  ) throws(FormatError) -> Transformer {
    let transformer = Transformer(
      width: try fields.whole("hidden_size", Limits.width, default: width),
      layers: try fields.whole("num_hidden_layers", Limits.layers, default: 12),
      heads: try fields.whole("num_attention_heads", Limits.heads, default: heads),
      hiddenWidth: try fields.whole("intermediate_size", Limits.hiddenWidth, default: hiddenWidth),
      activation: try fields.choice("hidden_act", default: .quickGELU),
      layerNormEpsilon: Float(try fields.number("layer_norm_eps", Limits.epsilon, default: 1e-5)))
    guard transformer.width % transformer.heads == 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)num_attention_heads is \(transformer.heads), a divisor of "
          + "\(fields.path)hidden_size \(transformer.width) is required")
    }
    return transformer
  }
}

extension CLIPConfiguration.Image {
  /// - Parameter sizes: has `image_size` and `patch_size`, in transformers' file and in
  /// open_clip's.
  init(
    transformer: CLIPConfiguration.Transformer, sizes: Fields, imageSize: Int, patchSize: Int
  ) throws(FormatError) {
    let size = try sizes.edge("image_size", Limits.imageSize, default: imageSize)
    let patch = try sizes.edge("patch_size", Limits.imageSize, default: patchSize)
    guard patch <= size else {
      throw FormatError(
        .inconsistent,
        "\(sizes.path)patch_size is \(patch), at most \(sizes.path)image_size \(size) is allowed")
    }
    let channels = try sizes.whole("num_channels", 3...3, default: 3)
    self.init(transformer: transformer, imageSize: size, patchSize: patch, channels: channels)
  }
}

extension CLIPConfiguration {
  /// The normalised `config.json`: every value explicit, nothing else. Reading it gives an equal
  /// configuration, and transformers loads it.
  public var json: JSON {
    switch (image, text) {
    case (let image?, let text?):
      [
        "architectures": [.string(edition.architecture + "Model")],
        "model_type": .string(edition.modelType),
        "projection_dim": .integer(projectionWidth),
        "text_config": .object(json(of: text)), "vision_config": .object(json(of: image)),
      ]
    case (nil, let text?): standing(json(of: text), edition.architecture + "TextModel")
    case (let image?, nil): standing(json(of: image), edition.architecture + "VisionModel")
    case (nil, nil): preconditionFailure("a configuration without towers")
    }
  }

  private func standing(_ members: JSON.Object, _ architecture: String) -> JSON {
    var object = JSON.Object()
    object["architectures"] = [
      .string(hasProjection ? architecture + "WithProjection" : architecture)
    ]
    for key in members.keys { object[key] = members[key] }
    return .object(object)
  }

  private func json(of image: Image) -> JSON.Object {
    var object = json(of: image.transformer, edition.modelType + "_vision_model")
    object["image_size"] = .integer(image.imageSize)
    object["patch_size"] = .integer(image.patchSize)
    object["num_channels"] = .integer(image.channels)
    return object
  }

  private func json(of text: Text) -> JSON.Object {
    var object = json(of: text.transformer, edition.modelType + "_text_model")
    object["vocab_size"] = .integer(text.vocabularySize)
    object["max_position_embeddings"] = .integer(text.positions)
    switch text.pooling {
    case .largestID: object["eos_token_id"] = 2
    case .first(let id): object["eos_token_id"] = .integer(id)
    }
    return object
  }

  private func json(of transformer: Transformer, _ type: String) -> JSON.Object {
    var object = JSON.Object()
    object["model_type"] = .string(type)
    object["hidden_size"] = .integer(transformer.width)
    object["intermediate_size"] = .integer(transformer.hiddenWidth)
    object["num_hidden_layers"] = .integer(transformer.layers)
    object["num_attention_heads"] = .integer(transformer.heads)
    object["projection_dim"] = .integer(projectionWidth)
    object["hidden_act"] = .string(transformer.activation.rawValue)
    // By way of its digits: 1e-05, which Double(1e-5 as Float) is not.
    let epsilon = transformer.layerNormEpsilon
    object["layer_norm_eps"] = .number(Double(epsilon.description) ?? Double(epsilon))
    return object
  }
}

extension CLIPConfiguration.Edition {
  /// `model_type` of both towers together, with which those of one begin.
  fileprivate var modelType: String { self == .metaCLIP2 ? "metaclip_2" : "clip" }

  /// What the names of its classes begin with.
  fileprivate var architecture: String { self == .metaCLIP2 ? "MetaClip2" : "CLIP" }
}
