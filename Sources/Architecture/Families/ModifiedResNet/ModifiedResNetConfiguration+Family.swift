public import Bytes
internal import Tensors

extension ModifiedResNetConfiguration: Family {
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    guard let prefix = files.prefix(before: "visual.attnpool.c_proj.weight") else { return nil }
    let isNested = files.shapes[prefix + "text.token_embedding.weight"] != nil
    let textPrefix = isNested ? prefix + "text." : prefix
    let sizes = Sizes(files: files, prefix: prefix, textPrefix: textPrefix)
    var assumptions: [String] = []
    let found: ModifiedResNetConfiguration
    if let json = files.openCLIP {
      found = try ModifiedResNetConfiguration(openCLIP: json)
    } else {
      found = try sizes.configuration()
      assumptions = [
        "no open_clip_config.json is beside the weights; their shapes say what it would",
        "attention heads are 64 wide, and the activation of the text tower is quick_gelu, as in "
          + "OpenAI's models",
      ]
    }
    var preprocessing = Preprocessing.clip(imageSize: found.image.imageSize)
    preprocessing.cropOffset = .round
    preprocessing.alpha = .drop
    return RecognisedModel(
      family: found, locations: try found.locations(prefix, textPrefix),
      source: files.openCLIP == nil ? "the shapes of the tensors" : "open_clip_config.json",
      isOpenCLIP: true, preprocessing: preprocessing, assumptions: assumptions)
  }

  public static func read(_ json: JSON) throws(FormatError) -> ModifiedResNetConfiguration? {
    guard json["model_cfg"]?["vision_cfg"]?["layers"]?.array != nil else { return nil }
    return try ModifiedResNetConfiguration(openCLIP: json)
  }

  public func keeping(_ towers: Set<Tower>) -> (any Family)? {
    guard towers.contains(.image) else {
      guard towers.contains(.text), let text else { return nil }
      return CLIPConfiguration(image: nil, text: text, projectionWidth: projectionWidth)
    }
    var kept = self
    if !towers.contains(.text) { kept.text = nil }
    return kept
  }

  /// The image tower has the checkpoint's own names, the text tower transformers'.
  private func locations(
    _ prefix: String, _ textPrefix: String
  ) throws(FormatError) -> [String: TensorLocation] {
    var locations = CLIPNaming.openCLIPText(textPrefix, layers: text?.transformer.layers ?? 0)
    locations[Names.logitScale] = TensorLocation(prefix + Names.logitScale)
    for parameter in try graph().parameters where parameter.tower == .image {
      locations[parameter.name] = TensorLocation(prefix + parameter.name)
    }
    return locations
  }
}

/// What shapes say of a model without a configuration.
private struct Sizes {
  let files: ModelFiles
  let prefix: String
  let textPrefix: String

  func configuration() throws(FormatError) -> ModifiedResNetConfiguration {
    let places = try extents("visual.attnpool.positional_embedding", rank: 2)
    // Pictures of up to 4,096 pixels an edge.
    guard let edge = (1...128).first(where: { $0 * $0 + 1 == places[0] }), places[1] % 64 == 0
    else {
      throw FormatError(
        .unsupported, "is \(places[0])×\(places[1]), a square number of places and one is needed",
        tensor: prefix + "visual.attnpool.positional_embedding")
    }
    let hasText = files.shapes[textPrefix + "token_embedding.weight"] != nil
    return ModifiedResNetConfiguration(
      image: ModifiedResNetConfiguration.Image(
        blocks: (1...4).map { stage in
          count { "\(prefix)visual.layer\(stage).\($0).conv1.weight" }
        }, width: places[1] / 32, imageSize: 32 * edge, heads: places[1] / 64),
      text: hasText ? try text() : nil,
      projectionWidth: try extents("visual.attnpool.c_proj.weight", rank: 2)[0])
  }

  private func text() throws(FormatError) -> CLIPConfiguration.Text {
    let table = try extents("token_embedding.weight", rank: 2, textPrefix)
    guard table[1] % 64 == 0 else {
      throw FormatError(
        .unsupported, "the text tower is \(table[1]) wide, which leaves its number of heads open",
        tensor: textPrefix + "token_embedding.weight")
    }
    return CLIPConfiguration.Text(
      transformer: CLIPConfiguration.Transformer(
        width: table[1],
        layers: count { "\(textPrefix)transformer.resblocks.\($0).ln_1.weight" },
        heads: table[1] / 64,
        hiddenWidth: try extents("transformer.resblocks.0.mlp.c_fc.weight", rank: 2, textPrefix)[0]
      ), vocabularySize: table[0],
      positions: try extents("positional_embedding", rank: 2, textPrefix)[0],
      pooling: .largestID)
  }

  /// How many there are, counted from 0.
  private func count(_ name: (Int) -> String) -> Int {
    var count = 0
    while files.shapes[name(count)] != nil { count += 1 }
    return count
  }

  private func extents(
    _ name: String, rank: Int, _ start: String? = nil
  ) throws(FormatError) -> [Int] {
    let full = (start ?? prefix) + name
    guard let shape = files.shapes[full], shape.extents.count == rank else {
      throw FormatError(
        .inconsistent,
        "is \(files.shapes[full].map { "\($0)" } ?? "missing"), \(rank) extents are needed",
        tensor: full)
    }
    return shape.extents
  }
}
