public import Bytes

/// A kind of model: what files say of it, and the network that follows.
///
/// Each family is one folder beside this file. It builds the network; nothing else knows it.
public protocol Family: Sendable {
  /// What the model computes.
  var network: Network { get }

  /// The `config.json` of the model, with every value explicit.
  var json: JSON { get }

  /// The model that is left when only some towers are taken; `nil` where none is left.
  func keeping(_ towers: Set<Tower>) -> (any Family)?
}

extension Family {
  /// The network, with both towers unrolled.
  public func graph() throws(FormatError) -> NetworkGraph { try NetworkGraph(network) }
}

/// All families that this program can build.
public enum Families {
  /// The family of the `configuration` section of a pack; `nil` for one that this program does not
  /// know, whose network can be run all the same.
  ///
  /// - Throws: `FormatError` where the section does not say what its family needs.
  public static func read(_ json: JSON) throws(FormatError) -> (any Family)? {
    guard let type = json["model_type"]?.string else { return nil }
    guard type == "clip" || type == "clip_text_model" || type == "clip_vision_model" else {
      return nil
    }
    return try CLIPConfiguration(transformers: json)
  }
}

extension CLIPConfiguration: Family {
  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    let kept = CLIPConfiguration(
      image: towers.contains(.image) ? image : nil, text: towers.contains(.text) ? text : nil,
      projectionWidth: projectionWidth)
    return kept.image == nil && kept.text == nil ? nil : kept
  }
}
