internal import Architecture
internal import Bytes
internal import ClipPack
internal import PackFormat
internal import Tokenizers

/// The files beside the weights: configuration, preprocessing, tokenizer.
struct CompanionFiles {
  typealias Files = [(name: String, text: String)]

  let model: Model

  init(_ model: Model) { self.model = model }

  /// Types that are no class of transformers'.
  private static let others = ["M-CLIP", "sentence-transformers"]

  /// What transformers reads.
  ///
  /// - Throws: `Refusal` where the pack has no configuration.
  func huggingFace(notes: inout [String]) throws -> Files {
    guard let configuration = try model.pack.json(.configuration) else {
      throw Refusal(
        "the pack has no section \"configuration\", which transformers needs as config.json")
    }
    guard let type = configuration["model_type"]?.string, !Self.others.contains(type) else {
      throw Refusal(
        "the model is one that transformers does not have: unpack it for its own library, or "
          + "export it as ONNX")
    }
    return try transformers(configuration, notes: &notes)
  }

  /// As above, with a configuration that names CLIP where transformers has no such model: of it
  /// transformers.js reads the type only.
  private func transformersJS(notes: inout [String]) throws -> Files {
    let own = try model.pack.json(.configuration)
    let hasType = own?["model_type"] != nil
    return try transformers(hasType ? own ?? .null : ["model_type": "clip"], notes: &notes)
  }

  private func transformers(_ configuration: JSON, notes: inout [String]) throws -> Files {
    var files = [(name: "config.json", text: configuration.indented + "\n")]
    if let preprocessing {
      files.append(("preprocessor_config.json", preprocessing.json.indented + "\n"))
    }
    if model.graph.text != nil {
      if let tokenizer = try model.tokenizer {
        files += try self.files(of: tokenizer)
      } else {
        notes.append("the pack has no tokenizer, and none is written")
      }
    }
    return files
  }

  /// What a consumer of ONNX reads.
  ///
  /// - Throws: `Refusal` for what its layout cannot say.
  func files(for layout: ONNXLayout, notes: inout [String]) throws -> Files {
    switch layout {
    case .transformersJS: return try transformersJS(notes: &notes)
    case .immich: return try immich()
    case .fastembed: return try fastembed()
    }
  }

  private var preprocessing: Preprocessing? {
    model.graph.image == nil ? nil : model.preprocessing
  }

  // MARK: Tokenizer

  private func neededTokenizer() throws -> Tokenizer {
    guard let tokenizer = try model.tokenizer else { throw ModelError.noTokenizer }
    return tokenizer
  }

  /// The tokens that stand for something, by the key that transformers has for each.
  private static let specialKeys = [
    "bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token",
  ]

  /// All files of a tokenizer: its own, `tokenizer.json` and `special_tokens_map.json`.
  private func files(of tokenizer: Tokenizer) throws -> Files {
    var files: Files = []
    for (name, text) in tokenizer.files where name != "tokenizer.json" {
      guard name == "tokenizer_config.json" else {
        files.append((name, text))
        continue
      }
      var settings = try JSON(parsing: text).object ?? [:]
      settings["model_max_length"] = model.graph.text.map { .integer($0.tokens.upperBound) }
      if settings["pad_token"] == nil {
        settings["pad_token"] = settings["eos_token"] ?? settings["unk_token"]
      }
      files.append((name, JSON.object(settings).indented + "\n"))
      var map: JSON.Object = [:]
      for key in Self.specialKeys { map[key] = settings[key] }
      files.append(("special_tokens_map.json", JSON.object(map).indented + "\n"))
    }
    files.append(("tokenizer.json", tokenizer.tokenizerJSON() + "\n"))
    return files
  }

  // MARK: fastembed

  private func fastembed() throws -> Files {
    var files: Files = []
    if let preprocessing {
      files.append(("image/preprocessor_config.json", preprocessing.json.indented + "\n"))
    }
    guard let text = model.graph.text else { return files }
    let tokenizer = try neededTokenizer()
    files += try self.files(of: tokenizer).map { ("text/" + $0.name, $0.text) }
    var configuration = try model.pack.json(.configuration)?.object ?? [:]
    configuration["pad_token_id"] = .integer(
      Int(tokenizer.padding ?? tokenizer.end ?? 0))
    configuration["max_position_embeddings"] = .integer(text.tokens.upperBound)
    files.append(("text/config.json", JSON.object(configuration).indented + "\n"))
    return files
  }

  // MARK: immich

  private func immich() throws -> Files {
    var configuration: JSON.Object = ["embed_dim": .integer(model.graph.width)]
    var files: Files = []
    if let preprocessing {
      if let size = model.graph.imageSize {
        configuration["vision_cfg"] = ["image_size": .integer(size)]
      }
      files.append(
        ("visual/preprocess_cfg.json", try immich(preprocessing).indented + "\n"))
    }
    if let text = model.graph.text {
      configuration["text_cfg"] = [
        "context_length": .integer(text.tokens.upperBound),
        "vocab_size": .integer(text.vocabularySize),
      ]
      let names = ["tokenizer.json", "tokenizer_config.json"]
      files += try self.files(of: neededTokenizer()).filter { names.contains($0.name) }
        .map { ("textual/" + $0.name, $0.text) }
    }
    files.append(("config.json", JSON.object(configuration).indented + "\n"))
    return files
  }

  /// open_clip's `preprocess_cfg`: a resize to the shortest edge with a crop of the same size, or
  /// to the very size.
  private func immich(_ preprocessing: Preprocessing) throws -> JSON {
    let (size, mode): (Preprocessing.Size, String)
    switch preprocessing.resize {
    case .exact(let exact) where preprocessing.crop == nil || preprocessing.crop == exact:
      (size, mode) = (exact, "squash")
    case .shortestEdge(let edge)
    where preprocessing.crop == Preprocessing.Size(height: edge, width: edge):
      (size, mode) = (Preprocessing.Size(height: edge, width: edge), "shortest")
    default:
      throw Refusal(
        "immich's layout has no words for a resize to \(preprocessing.resize) with a crop to "
          + "\(preprocessing.crop.map { "\($0.height)×\($0.width)" } ?? "nothing"): one size for "
          + "both is needed")
    }
    guard abs(preprocessing.rescale * 255 - 1) < 1e-6 else {
      throw Refusal(
        "immich's layout has no words for a rescale factor of \(preprocessing.rescale), 1/255 is "
          + "needed")
    }
    return [
      "size": [.integer(size.height), .integer(size.width)], "mode": "RGB",
      "mean": .array(preprocessing.mean.map(JSON.number)),
      "std": .array(preprocessing.standardDeviation.map(JSON.number)),
      "interpolation": .string("\(preprocessing.resample)"), "resize_mode": .string(mode),
      "fill_color": 0,
    ]
  }
}
