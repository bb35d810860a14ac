internal import Bytes
internal import Tensors

/// ChineseCLIP as its own repository publishes it: OpenAI's names for pictures, `bert.` before
/// BERT's, and no file that says the architecture.
///
/// Source: `clip/model.py`, `clip/utils.py` and `clip/model_configs` of cn_clip 1.6.
extension BERTCLIPConfiguration {
  private static let encoder = "bert."
  private static let table = encoder + "embeddings.word_embeddings.weight"

  /// What stands before such names; `nil` for models with others.
  static func originalPrefix(_ files: ModelFiles) -> String? {
    files.prefix(before: table).flatMap { prefix in
      files.shapes[prefix + "text_projection"] == nil ? nil : prefix
    }
  }

  /// - Returns: `nil` for models with other names.
  static func recogniseOriginal(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    guard let prefix = originalPrefix(files) else { return nil }
    let weights = TowerWeights(files: files, prefix: prefix)
    if weights.has("visual.layer1.0.conv1.weight") { return try resNet(weights) }
    var assumptions: [String] = []
    let found: BERTCLIPConfiguration
    if let json = files.transformers, json["model_type"]?.string == Kind.chineseCLIP.rawValue {
      found = try BERTCLIPConfiguration(.chineseCLIP, Fields(json, "the text"))
    } else {
      found = try inferred(weights)
      assumptions = [
        "the names are those of ChineseCLIP's own repository, where no file says the "
          + "architecture: heads are 64 wide, or 80 where pictures have 1,280 columns, and "
          + "activations are quick_gelu and gelu, as in its published models"
      ]
    }
    return RecognisedModel(
      family: found, locations: try found.originalLocations(prefix),
      source: assumptions.isEmpty ? "config.json" : "the shapes of the tensors",
      isOpenCLIP: false, preprocessing: found.image.map { preprocessing($0.imageSize) },
      assumptions: assumptions, leftOut: [prefix + encoder + "pooler."])
  }

  /// The very size, whatever a picture's proportions are.
  private static func preprocessing(_ imageSize: Int) -> Preprocessing {
    var result = Preprocessing.clip(imageSize: imageSize)
    result.resize = .exact(Preprocessing.Size(height: imageSize, width: imageSize))
    result.crop = nil
    return result
  }

  private static let guidance = "its model in transformers' names, with a config.json, can be read"

  /// One of OpenAI's ResNets beside a BERT of three layers, which transformers does not have;
  /// open_clip's words can say it.
  private static func resNet(_ weights: TowerWeights) throws(FormatError) -> RecognisedModel? {
    guard let image = try OpenCLIPWeights(weights.files)?.inferred(),
      var model = image.json["model_cfg"]?.object
    else { return nil }
    let bert = try BERTEncoder("bert", weights, encoder, guidance: guidance)
    var text = bert.json
    text["model_type"] = "bert"
    model["quick_gelu"] = nil
    model["text_cfg"] = [
      "hf_model_name": "hfl/rbt3", "hf_pooler_type": "cls_last_hidden_state_pooler",
      "hf_proj_type": "linear", "context_length": .integer(bert.most),
    ]
    let found = try OpenCLIPConfiguration([
      "model_cfg": .object(model), "towers": ["text": ["encoder": .object(text)]],
    ])
    let graph = try found.graph()
    let moved = found.locations()
    var locations: [String: TensorLocation] = [:]
    for parameter in graph.parameters {
      let name = parameter.name
      var location = moved[name] ?? TensorLocation(name)
      if name == "text.proj.weight" {
        location = TensorLocation("text_projection", isTransposed: true)
      } else if name.hasPrefix("text.transformer.") {
        location.name = encoder + name.dropFirst("text.transformer.".count)
      }
      location.name = weights.prefix + location.name
      locations[name] = location
    }
    return RecognisedModel(
      family: found, locations: locations, source: "the shapes of the tensors", isOpenCLIP: false,
      preprocessing: graph.imageSize.map(preprocessing),
      assumptions: [
        "the names are those of ChineseCLIP's own repository, where no file says the "
          + "architecture: heads are 64 wide, as in its published models"
      ], leftOut: [weights.prefix + encoder + "pooler."])
  }

  private static func inferred(
    _ weights: TowerWeights
  ) throws(FormatError) -> BERTCLIPConfiguration {
    func extents(_ name: String, rank: Int) throws(FormatError) -> [Int] {
      guard let found = weights.extents(name, rank: rank) else {
        let shape = weights.files.shapes[weights.prefix + name]
        throw FormatError(
          .inconsistent, "is \(shape.map { "\($0)" } ?? "missing"), \(rank) extents are needed",
          tensor: weights.prefix + name)
      }
      return found
    }
    let patches = try extents("visual.conv1.weight", rank: 4)
    let (width, patch) = (patches[0], patches[2])
    let places = try extents("visual.positional_embedding", rank: 2)[0]
    let block = "visual.transformer.resblocks."
    let hidden = try extents(block + "0.mlp.c_fc.weight", rank: 2)[0]
    let headWidth = width == 1280 ? 80 : 64
    // Pictures of up to 4,096 pixels an edge.
    guard let edge = (1...4096).first(where: { $0 * $0 + 1 == places }), width % headWidth == 0,
      Limits.imageSize.contains(patch)
    else {
      throw FormatError(
        .unsupported,
        "is \(places)×\(width), a square number of places and one, of columns that are a multiple "
          + "of \(headWidth), is needed", tensor: weights.prefix + "visual.positional_embedding")
    }
    var text = try BERTEncoder("bert", weights, encoder, guidance: guidance).json
    text["model_type"] = "chinese_clip_text_model"
    let described: JSON.Object = [
      "projection_dim": .integer(try extents("text_projection", rank: 2)[1]),
      "text_config": .object(text),
      "vision_config": [
        "hidden_size": .integer(width), "intermediate_size": .integer(hidden),
        "num_hidden_layers": .integer(weights.count { "\(block)\($0).ln_1.weight" }),
        "num_attention_heads": .integer(width / headWidth),
        "image_size": .integer(edge * patch), "patch_size": .integer(patch),
        "hidden_act": "quick_gelu",
      ],
    ]
    return try BERTCLIPConfiguration(.chineseCLIP, Fields(described))
  }

  private func originalLocations(
    _ prefix: String
  ) throws(FormatError) -> [String: TensorLocation] {
    let pictures = CLIPNaming(scheme: .openCLIP, prefix: prefix, textPrefix: prefix)
      .locations(imageLayers: image?.transformer.layers ?? 0, textLayers: 0)
    var locations: [String: TensorLocation] = [:]
    for parameter in try graph().parameters {
      let name = parameter.name
      if name == Names.textProjection {
        locations[name] = TensorLocation(prefix + "text_projection", isTransposed: true)
      } else if name.hasPrefix("text_model.") {
        locations[name] = TensorLocation(
          prefix + Self.encoder + name.dropFirst("text_model.".count))
      } else {
        locations[name] = pictures[name]
      }
    }
    return locations
  }
}
