public import Bytes

extension CLIPConfiguration: Family {
  /// CLIP's own checkpoints are recognised where they are opened, because they are read without a
  /// configuration too.
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? { nil }

  public static func read(_ json: JSON) throws(FormatError) -> CLIPConfiguration? {
    guard let type = json["model_type"]?.string,
      ["clip", "clip_text_model", "clip_vision_model"].contains(type)
    else { return nil }
    var configuration = try CLIPConfiguration(transformers: json)
    let architectures = json["architectures"]?.array?.compactMap(\.string) ?? []
    configuration.hasProjection =
      architectures != ["CLIPTextModel"] && architectures != ["CLIPVisionModel"]
    return configuration
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    var kept = CLIPConfiguration(
      image: towers.contains(.image) ? image : nil, text: towers.contains(.text) ? text : nil,
      projectionWidth: projectionWidth)
    kept.hasProjection = hasProjection
    return kept.image == nil && kept.text == nil ? nil : kept
  }
}
