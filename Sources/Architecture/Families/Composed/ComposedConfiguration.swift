public import Bytes

/// A model whose text tower is another's: a CLIP, and a text tower that was trained towards its
/// space.
public struct ComposedConfiguration: Sendable {
  /// The model of the image tower, and of the scale of scores.
  public let base: any Family
  /// The model of the text tower.
  public let text: any Family

  /// - Throws: `FormatError` where one has not the tower that is taken, or their widths differ.
  public init(base: any Family, text: any Family) throws(FormatError) {
    self.base = base
    self.text = text
    guard base.network.image != nil else {
      throw FormatError(
        .inconsistent, "the model that a text tower is given to has no image tower")
    }
    guard base.network.scores != nil else {
      throw FormatError(
        .inconsistent,
        "the model that a text tower is given to has an image tower alone, and nothing says how "
          + "cosines become scores; one with logit_scale is needed")
    }
    guard text.network.text != nil else {
      throw FormatError(.inconsistent, "the model of the text tower has none")
    }
    _ = try graph()
  }
}

extension ComposedConfiguration: Family {
  /// Where two sources are named.
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? { nil }

  public static func read(_ json: JSON) throws(FormatError) -> ComposedConfiguration? {
    guard let base = json["image_model"], let text = json["text_model"] else { return nil }
    // One level: what is composed of something composed has no end.
    for part in [base, text] where part["image_model"] != nil {
      throw FormatError(
        .invalidField, "image_model is \(part.excerpt), a model that is not composed is needed")
    }
    guard let base = try Families.read(base), let text = try Families.read(text) else {
      return nil
    }
    return try ComposedConfiguration(base: base, text: text)
  }

  public var network: Network {
    Network(image: base.network.image, text: text.network.text, scores: base.network.scores)
  }

  public var json: JSON { ["image_model": base.json, "text_model": text.json] }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    switch (towers.contains(.image), towers.contains(.text)) {
    case (true, true): self
    case (true, false): base.keeping([.image])
    case (false, true): text.keeping([.text])
    case (false, false): nil
    }
  }
}
