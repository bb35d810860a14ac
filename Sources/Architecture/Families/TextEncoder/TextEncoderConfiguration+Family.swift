public import Bytes
internal import Tensors

extension TextEncoderConfiguration: Family {
  private static let matrix = "LinearTransformation."
  private static let dense = "linear."

  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    if let described = files.sentenceTransformers {
      let found = try TextEncoderConfiguration(
        sentenceTransformers: Fields(described, "the text"))
      return try found.recognised(
        encoder: "", matrix: dense, files.shapes, source: "modules.json")
    }
    guard let prefix = files.prefix(before: matrix + "weight") else { return nil }
    guard let json = files.transformers else {
      throw FormatError(
        .unsupported,
        "belongs to a text tower of M-CLIP, whose base model no shape shows; put the model's "
          + "config.json beside the weights", tensor: prefix + matrix + "weight")
    }
    let root = try Fields(json, "the text")
    guard root["model_type"]?.string == mCLIPType else {
      throw root.unsupported("model_type", "\"\(mCLIPType)\", whose tensors these are,")
    }
    let found = try TextEncoderConfiguration(
      mCLIP: root, TowerWeights(files: files, prefix: prefix))
    return try found.recognised(
      encoder: prefix + "transformer.", matrix: prefix + matrix, files.shapes,
      source: "config.json")
  }

  public static func read(_ json: JSON) throws(FormatError) -> TextEncoderConfiguration? {
    switch json["model_type"]?.string {
    case mCLIPType?: try TextEncoderConfiguration(mCLIP: Fields(json, "the text"), nil)
    case sentenceTransformersType?:
      try TextEncoderConfiguration(
        sentenceTransformers: Fields(json, "the text").object("files"))
    default: nil
    }
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    towers.contains(.text) ? self : nil
  }

  private static let encoderPrefix = "text_model."
  private static let projectionName = "text_projection"

  public var network: Network {
    var items = encoder.items(
      Self.encoderPrefix, type == "distilbert" ? .distilBERT : .bert)
    switch pooling {
    case .mean:
      items.append(.step(Step(.mean(skip: 0), ["y", "seen"], to: "pooled", stage: "pooled")))
    case .first:
      var pick = Step.pick("y", to: "pooled", .row(0))
      pick.stage = "pooled"
      items.append(.step(pick))
    }
    if let projection {
      items.append(
        .step(
          .linear(
            "pooled", to: "e", width: projection.width, Self.projectionName,
            hasBias: projection.hasBias, activation: projection.activation, stage: "projected")))
    }
    return Network(
      image: nil,
      text: TowerNetwork(encoder.input, items, output: projection == nil ? "pooled" : "e"),
      scores: nil)
  }

  public func locations() throws(FormatError) -> [String: TensorLocation] {
    guard library == .sentenceTransformers else {
      return try locations(encoder: "transformer.", matrix: Self.matrix)
    }
    var locations = try locations(encoder: "", matrix: Self.dense)
    for name in locations.keys where !name.hasPrefix(Self.encoderPrefix) {
      locations[name]?.file = "2_Dense/" + TensorLocation.mainFile
    }
    return locations
  }

  private func locations(
    encoder: String, matrix: String
  ) throws(FormatError) -> [String: TensorLocation] {
    var locations: [String: TensorLocation] = [:]
    for parameter in try graph().parameters {
      let name =
        parameter.name.hasPrefix(Self.encoderPrefix)
        ? encoder + parameter.name.dropFirst(Self.encoderPrefix.count)
        : matrix + parameter.name.dropFirst(Self.projectionName.count + 1)
      locations[parameter.name] = TensorLocation(name)
    }
    return locations
  }

  /// - Parameters:
  ///   - encoder: before the encoder's names.
  ///   - matrix: before the names of the last matrix and its bias.
  private func recognised(
    encoder: String, matrix: String, _ shapes: [String: Shape], source: String
  ) throws(FormatError) -> RecognisedModel {
    let locations = try locations(encoder: encoder, matrix: matrix)
    // BertModel has a dense layer for its first token, which a mean does not look at.
    let idle = encoder + "pooler."
    let hasIdle = shapes.keys.contains { $0.hasPrefix(idle) }
    return RecognisedModel(
      family: self, locations: locations, source: source, isOpenCLIP: false, preprocessing: nil,
      assumptions: hasIdle
        ? ["the encoder's own pooler (\(idle)…) is left out: the embedding does not look at it"]
        : [], leftOut: hasIdle ? [idle] : [])
  }
}
