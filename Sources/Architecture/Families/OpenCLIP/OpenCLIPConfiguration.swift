public import Bytes

/// A model of open_clip that is not CLIP as OpenAI published it: any image tower with any text
/// tower.
///
/// Source: `model.py` of open_clip 3.3. Keys of `open_clip_config.json` that are not known are
/// refused by name; a missing key means that file's default.
public struct OpenCLIPConfiguration: Sendable {
  /// `nil` for a text-only model.
  var image: (any TowerDescription)?
  /// `nil` for an image-only model.
  var text: (any TowerDescription)?
  /// The width of the shared space.
  var projectionWidth: Int
  /// Whether each pair of a picture and a text has a probability of its own.
  var isSigmoid: Bool

  /// Those of `CLIP`, `CustomTextCLIP` and `CoCa` there; the caption decoder of the last is no part
  /// of the two towers.
  private static let keys: Set<String> = [
    "embed_dim", "vision_cfg", "text_cfg", "multimodal_cfg", "quick_gelu", "custom_text",
    "init_logit_scale", "init_logit_bias", "nonscalar_logit_scale", "cast_dtype", "output_dict",
  ]

  /// Reads an `open_clip_config.json`.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  init(_ json: JSON, _ weights: OpenCLIPWeights? = nil) throws(FormatError) {
    let root = try Fields(json, "the text")
    guard root["model_cfg"] != nil else {
      throw FormatError(.invalidField, "model_cfg is missing")
    }
    let model = try root.object("model_cfg")
    try model.refuseOthers(than: Self.keys)
    projectionWidth = try model.whole("embed_dim", Limits.projection, default: nil)
    isSigmoid = model["init_logit_bias"] != nil
    let details = try root.object("towers")
    func read(_ tower: Tower, _ key: String) throws(FormatError) -> (any TowerDescription)? {
      guard model[key] != nil else { return nil }
      return try TowerKinds.read(
        TowerSource(
          model: model, fields: try model.object(key),
          details: try details.object(tower.rawValue),
          weights: tower == .image ? weights?.image : weights?.text), tower)
    }
    image = try read(.image, "vision_cfg")
    text = try read(.text, "text_cfg")
    guard image != nil || text != nil else {
      throw FormatError(.invalidField, "model_cfg has neither vision_cfg nor text_cfg")
    }
  }

  /// The same as CLIP's configuration, where it is one: of transformers with none of the switches
  /// that CLIP does not have. `nil` for others.
  var clip: CLIPConfiguration? {
    var found = CLIPConfiguration(image: nil, text: nil, projectionWidth: projectionWidth)
    if let image {
      guard let part = (image as? OpenVisionTransformer)?.clip else { return nil }
      found.image = part
    }
    if let text {
      guard let part = (text as? OpenTextTransformer)?.clip else { return nil }
      found.text = part
    }
    return isSigmoid ? nil : found
  }
}

extension OpenCLIPConfiguration: Family {
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    // ChineseCLIP's own names begin as OpenAI's do.
    guard let weights = OpenCLIPWeights(files), BERTCLIPConfiguration.originalPrefix(files) == nil
    else { return nil }
    let inferred = files.openCLIP == nil ? try weights.inferred() : nil
    guard let json = files.openCLIP ?? inferred?.json else { return nil }
    var found = try OpenCLIPConfiguration(json, weights)
    if weights.image == nil { found.image = nil }
    if weights.text == nil { found.text = nil }
    guard found.image != nil || found.text != nil else {
      throw FormatError(
        .inconsistent, "open_clip_config.json describes the tower that is not among the weights")
    }
    guard found.clip == nil else { return nil }
    let graph = try found.graph()
    let captions = weights.prefix + "text_decoder."
    let hasCaptions = files.shapes.keys.contains { $0.hasPrefix(captions) }
    return RecognisedModel(
      family: found, locations: found.locations(graph, weights),
      source: inferred == nil ? "open_clip_config.json" : "the shapes of the tensors",
      isOpenCLIP: true, preprocessing: graph.imageSize.map(found.preprocessing),
      assumptions: (inferred?.assumptions ?? [])
        + (hasCaptions ? ["the decoder of captions (\(captions)…) is left out"] : []),
      constants: found.constants, leftOut: hasCaptions ? [captions] : [])
  }

  public static func read(_ json: JSON) throws(FormatError) -> OpenCLIPConfiguration? {
    json["model_cfg"] == nil ? nil : try OpenCLIPConfiguration(json)
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    var kept = self
    if !towers.contains(.image) { kept.image = nil }
    if !towers.contains(.text) { kept.text = nil }
    return kept.image == nil && kept.text == nil ? nil : kept
  }

  public var network: Network {
    Network(
      image: image?.network.namingTensors(below: "visual."),
      text: text?.network.namingTensors(below: "text."),
      scores: image == nil || text == nil
        ? nil
        : Network.Scores(
          isSigmoid ? .sigmoid : .softmax, scale: "logit_scale",
          bias: isSigmoid ? "logit_bias" : nil))
  }

  /// The normalised `open_clip_config.json`. Reading it gives an equal model, and open_clip builds
  /// it; open_clip does not look at `towers`.
  public var json: JSON {
    var model: JSON.Object = ["embed_dim": .integer(projectionWidth)]
    let isQuick = [image, text].contains { $0?.followsQuickGELU == true }
    if isQuick { model["quick_gelu"] = true }
    if isSigmoid { model["init_logit_bias"] = -10 }
    model["custom_text"] = true
    model["vision_cfg"] = image.map { .object($0.json) }
    model["text_cfg"] = text.map { .object($0.json) }
    var towers: JSON.Object = [:]
    for (tower, part) in [("image", image), ("text", text)] {
      if let details = part?.details, details.count > 0 { towers[tower] = .object(details) }
    }
    return towers.count == 0
      ? ["model_cfg": .object(model)]
      : ["model_cfg": .object(model), "towers": .object(towers)]
  }

  public var constants: [String: [Float]] {
    var result: [String: [Float]] = [:]
    for (name, values) in image?.constants ?? [:] { result["visual." + name] = values }
    for (name, values) in text?.constants ?? [:] { result["text." + name] = values }
    return result
  }

  /// As open_clip has them where the text tower has a prefix of its own, as `json` says.
  public func locations() -> [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    for (prefix, part) in [("visual.", image), ("text.", text)] {
      for (name, location) in part?.locations ?? [:] {
        result[prefix + name] = location
        result[prefix + name]?.name = prefix + location.name
      }
    }
    return result
  }

  private func locations(
    _ graph: NetworkGraph, _ weights: OpenCLIPWeights
  ) -> [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    for parameter in graph.parameters {
      guard let tower = parameter.tower, let prefix = weights.prefix(of: tower) else {
        result[parameter.name] = TensorLocation(weights.prefix + parameter.name)
        continue
      }
      let (start, part) = tower == .image ? ("visual.", image) : ("text.", text)
      let name = String(parameter.name.dropFirst(start.count))
      var location = part?.locations[name] ?? TensorLocation(name)
      location.name = prefix + location.name
      result[parameter.name] = location
    }
    return result
  }

  /// How pictures are prepared where no file says it.
  private func preprocessing(imageSize: Int) -> Preprocessing {
    var result: Preprocessing =
      isSigmoid ? .squash(imageSize: imageSize) : .clip(imageSize: imageSize)
    result.cropOffset = .round
    result.alpha = .drop
    return result
  }
}
