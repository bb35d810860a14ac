public import Bytes

extension BERTCLIPConfiguration: Family {
  private static let table = "embeddings.word_embeddings.weight"

  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    if let found = try recogniseOriginal(files) { return found }
    let type = files.transformers?["model_type"]?.string
    let named = type.flatMap(Kind.init)
    let text = Kind.allCases.lazy.compactMap { files.prefix(before: textPrefix($0) + table) }.first
    let image = files.prefix(before: "vision_model." + imageMark)
    // A text tower alone has too little to tell whose it is.
    guard let prefix = text ?? (named == nil ? nil : image),
      named != nil || text != nil && (image != nil || files.transformers == nil)
    else { return nil }
    guard let json = files.transformers else {
      throw FormatError(
        .unsupported,
        "belongs to a text tower of BERT's kind, whose heads and padding no shape shows; put the "
          + "model's config.json beside the weights",
        tensor: files.shapes.keys.filter { $0.hasSuffix(table) }.min())
    }
    guard let named else {
      let kinds = Kind.allCases.map { JSON.quoted($0.rawValue) }.joined(separator: ", ")
      throw FormatError(
        .unsupported,
        "model_type is \(json["model_type"]?.excerpt ?? "missing"), the text tower is of BERT's "
          + "kind: \(kinds) are supported")
    }
    let described = try BERTCLIPConfiguration(named, try Fields(json, "the text"))
    let found = try described.found(image: image != nil, text: text != nil)
    return RecognisedModel(
      family: found, locations: try found.locations(prefix, image ?? "", files),
      source: "config.json", isOpenCLIP: false,
      preprocessing: found.image.map { .clip(imageSize: $0.imageSize) }, assumptions: [])
  }

  public static func read(_ json: JSON) throws(FormatError) -> BERTCLIPConfiguration? {
    guard let kind = json["model_type"]?.string.flatMap(Kind.init) else { return nil }
    return try BERTCLIPConfiguration(kind, try Fields(json, "the text"))
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    var kept = self
    if !towers.contains(.image) { kept.image = nil }
    if !towers.contains(.text) { kept.text = nil }
    return kept.image == nil && kept.text == nil ? nil : kept
  }

  private static let imageMark = "embeddings.class_embedding"

  /// The names are transformers', where `vision_model.` may stand twice and AltCLIP's blocks have
  /// two spellings, by the release that wrote them.
  private func locations(
    _ prefix: String, _ imagePrefix: String, _ files: ModelFiles
  ) throws(FormatError) -> [String: TensorLocation] {
    var locations: [String: TensorLocation] = [:]
    for parameter in try graph().parameters {
      var name = prefix + parameter.name
      if parameter.name.hasPrefix("vision_model.") { name = imagePrefix + parameter.name }
      if files.shapes[name] == nil {
        let older = name.replacing(".encoder.layers.", with: ".encoder.layer.")
        if files.shapes[older] != nil { name = older }
      }
      locations[parameter.name] = TensorLocation(name)
    }
    return locations
  }
}
