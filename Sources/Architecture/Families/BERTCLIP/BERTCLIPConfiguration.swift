public import Bytes

/// CLIP with a text tower of BERT's kind, as transformers has them: ChineseCLIP, AltCLIP, and the
/// pairs that `VisionTextDualEncoderModel` makes of CLIP's image tower and a BERT.
///
/// Source: `configuration_chinese_clip.py`, `configuration_altclip.py`,
/// `configuration_vision_text_dual_encoder.py` of transformers 5.24. A missing key means that
/// file's default.
public struct BERTCLIPConfiguration: Equatable, Sendable {
  var kind: Kind
  var image: CLIPConfiguration.Image?
  var text: Text?
  /// The width of the shared space.
  var projectionWidth: Int

  /// `model_type`
  enum Kind: String, CaseIterable, Sendable {
    case chineseCLIP = "chinese_clip"
    case altCLIP = "altclip"
    case pair = "vision-text-dual-encoder"
  }

  struct Text: Equatable, Sendable {
    /// `model_type` of the text tower.
    var type: String
    var encoder: BERTEncoder
    /// AltCLIP's first token goes through a matrix of this many rows.
    var transformedWidth: Int?
  }
}

extension BERTCLIPConfiguration {
  /// Reads a `config.json`.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  init(_ kind: Kind, _ root: Fields) throws(FormatError) {
    self.kind = kind
    projectionWidth = try root.whole(
      "projection_dim", Limits.projection, default: kind == .altCLIP ? 768 : 512)
    if root["vision_config"] != nil || root["text_config"] == nil {
      image = try Self.image(kind, try root.object("vision_config"))
    }
    if root["text_config"] != nil || root["vision_config"] == nil {
      text = try Self.text(kind, try root.object("text_config"))
    }
  }

  /// What the image tower of a pair may be called.
  private static let imageTypes: [JSON] = ["clip_vision_model", "clip"]

  private static func image(
    _ kind: Kind, _ fields: Fields
  ) throws(FormatError) -> CLIPConfiguration.Image {
    if kind == .pair { try fields.refuse("model_type", unless: imageTypes) }
    return try CLIPConfiguration.image(fields)
  }

  private static func text(_ kind: Kind, _ fields: Fields) throws(FormatError) -> Text {
    switch kind {
    case .chineseCLIP:
      return Text(
        type: "chinese_clip_text_model", encoder: try BERTEncoder(fields, .bert, .fromStart))
    case .altCLIP:
      return Text(
        type: "altclip_text_model", encoder: try BERTEncoder(fields, .altCLIP, .afterPadding),
        transformedWidth: try fields.whole("project_dim", Limits.projection, default: 768))
    case .pair:
      let type = fields["model_type"]?.string ?? ""
      return Text(type: type, encoder: try BERTEncoder(kind: type, fields))
    }
  }

  /// The normalised `config.json`. Reading it gives an equal configuration, and transformers loads
  /// it where both towers are there.
  public var json: JSON {
    var object: JSON.Object = [:]
    switch kind {
    case .chineseCLIP: object["architectures"] = ["ChineseCLIPModel"]
    case .altCLIP: object["architectures"] = ["AltCLIPModel"]
    case .pair: object["architectures"] = ["VisionTextDualEncoderModel"]
    }
    object["model_type"] = .string(kind.rawValue)
    object["projection_dim"] = .integer(projectionWidth)
    if let text {
      var members = text.encoder.json
      members["model_type"] = .string(text.type)
      if let width = text.transformedWidth { members["project_dim"] = .integer(width) }
      object["text_config"] = .object(members)
    }
    if let image {
      let clip = CLIPConfiguration(image: image, text: nil, projectionWidth: projectionWidth)
      var members = clip.json.object ?? [:]
      members["architectures"] = nil
      switch kind {
      case .chineseCLIP: members["model_type"] = "chinese_clip_vision_model"
      case .altCLIP: members["model_type"] = "altclip_vision_model"
      case .pair: break
      }
      object["vision_config"] = .object(members)
    }
    return .object(object)
  }
}
