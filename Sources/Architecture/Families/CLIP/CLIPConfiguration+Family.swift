public import Bytes

extension CLIPConfiguration: Family {
  /// CLIP's own checkpoints are recognised where they are opened, because they are read without a
  /// configuration too.
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? { nil }

  public static func read(_ json: JSON) throws(FormatError) -> CLIPConfiguration? {
    guard json["model_type"]?.string.flatMap(ModelType.init) != nil else { return nil }
    var configuration = try CLIPConfiguration(transformers: json)
    let architectures = json["architectures"]?.array?.compactMap(\.string) ?? []
    configuration.hasProjection =
      architectures.count != 1
      || !(architectures[0].hasSuffix("TextModel") || architectures[0].hasSuffix("VisionModel"))
    return configuration
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    var kept = CLIPConfiguration(
      image: towers.contains(.image) ? image : nil, text: towers.contains(.text) ? text : nil,
      projectionWidth: projectionWidth)
    kept.hasProjection = hasProjection
    kept.edition = edition
    return kept.image == nil && kept.text == nil ? nil : kept
  }
}
