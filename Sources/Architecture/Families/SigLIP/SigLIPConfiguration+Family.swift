public import Bytes
internal import Tensors

extension SigLIPConfiguration: Family {
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    let image = files.prefix(before: "vision_model.head.probe")
    let text = files.prefix(before: "text_model.head.weight")
    guard let prefix = image ?? text else { return nil }
    guard let json = files.transformers else {
      throw FormatError(
        .unsupported,
        "the tensors are SigLIP's, whose heads and activation no shape shows; put the model's "
          + "config.json beside the weights",
        tensor: prefix + (image == nil ? "text_model.head.weight" : "vision_model.head.probe"))
    }
    if let patches = files.shapes[prefix + "vision_model.embeddings.patch_embedding.weight"],
      patches.extents.count == 2
    {
      throw FormatError(
        .unsupported,
        "is \(patches), a SigLIP 2 of variable resolution (naflex); those of fixed resolution are "
          + "supported", tensor: prefix + "vision_model.embeddings.patch_embedding.weight")
    }
    let described = try SigLIPConfiguration(transformers: json, padding: files.padding)
    let found = try described.found(image: image != nil, text: text != nil)
    return RecognisedModel(
      family: found, locations: try found.locations(prefix), source: "config.json",
      isOpenCLIP: false,
      preprocessing: found.image.map { .squash(imageSize: $0.imageSize) },
      assumptions: [])
  }

  public static func read(_ json: JSON) throws(FormatError) -> SigLIPConfiguration? {
    guard let type = json["model_type"]?.string,
      ["siglip", "siglip_vision_model", "siglip_text_model"].contains(type)
    else { return nil }
    return try SigLIPConfiguration(transformers: json)
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    var kept = self
    if !towers.contains(.image) { kept.image = nil }
    if !towers.contains(.text) { kept.text = nil }
    return kept.image == nil && kept.text == nil ? nil : kept
  }

  public func locations() throws(FormatError) -> [String: TensorLocation] {
    var locations = try locations("")
    // A vector of one for a scalar, and a batch of one query.
    for (name, count) in [("logit_scale", 1), ("logit_bias", 1), ("vision_model.head.probe", 2)] {
      locations[name]?.ones.before = count
    }
    return locations
  }

  /// The names are transformers', but for the head's query, key and value, which are stacked there.
  private func locations(_ prefix: String) throws(FormatError) -> [String: TensorLocation] {
    var locations: [String: TensorLocation] = [:]
    for parameter in try graph().parameters {
      locations[parameter.name] = TensorLocation(prefix + parameter.name)
    }
    guard image != nil else { return locations }
    let attention = "vision_model.head.attention."
    for (index, part) in ["q_proj", "k_proj", "v_proj"].enumerated() {
      for kind in ["weight", "bias"] {
        locations["\(attention)\(part).\(kind)"] = TensorLocation(
          "\(prefix)\(attention)in_proj_\(kind)", part: TensorLocation.Part(index, of: 3))
      }
    }
    return locations
  }
}
