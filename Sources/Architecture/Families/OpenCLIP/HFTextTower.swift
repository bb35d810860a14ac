internal import Bytes

/// A text tower that open_clip takes from transformers: a BERT, RoBERTa, XLM-R or NLLB, a pooler
/// and a projection.
///
/// Source: `hf_model.py` and `hf_configs.py` of open_clip 3.3, `HFTextEncoder`. What the base model
/// is lies in no file of open_clip's: kind and padding follow from its name, sizes from the
/// tensors, heads are 64 wide as in all of them; or `hf_model_config` says it in transformers'
/// words.
struct HFTextTower: TowerDescription {
  /// `hf_model_name`
  var name: String
  var encoder: Encoder
  var pooling: Pooling
  var projection: Projection
  /// The width of the shared space.
  var projectionWidth: Int
  /// `context_length`
  var positions: Int

  enum Encoder: Equatable {
    /// With its `model_type` in transformers.
    case bert(String, BERTEncoder)
    case nllb(NLLBEncoder)

    var width: Int {
      switch self {
      case .bert(_, let encoder): encoder.width
      case .nllb(let encoder): encoder.width
      }
    }
  }

  /// `hf_pooler_type`
  enum Pooling: String, CaseIterable {
    case mean = "mean_pooler"
    /// The first token, through the encoder's own dense layer where it has one.
    case pooler = "cls_pooler"
    case first = "cls_last_hidden_state_pooler"
  }

  /// `hf_proj_type`
  enum Projection: String, CaseIterable {
    case none
    case linear
    /// Two matrices with a GELU between them.
    case mlp
  }

  private static let keys: Set<String> = [
    "hf_model_name", "hf_tokenizer_name", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type",
    "proj", "pooler_type", "hf_model_config", "context_length", "vocab_size", "width", "heads",
    "layers", "tokenizer_kwargs", "tokenizer_mode", "output_tokens",
  ]

  static func read(_ source: TowerSource) throws(FormatError) -> HFTextTower? {
    let fields = source.fields
    guard let json = fields["hf_model_name"] else { return nil }
    try fields.refuseOthers(than: keys)
    guard let name = json.string else {
      throw fields.error("hf_model_name", json, "a string is allowed")
    }
    let encoder = try encoder(name, source)
    let projectionWidth = try source.projectionWidth()
    let most: Int
    switch encoder {
    case .bert(_, let bert): most = bert.most
    case .nllb: most = Limits.positions.upperBound
    }
    let positions = try fields.whole("context_length", Limits.positions, default: 77)
    return HFTextTower(
      name: name, encoder: encoder,
      // Keys of earlier releases.
      pooling: try fields.choice(
        fields["hf_pooler_type"] == nil ? "pooler_type" : "hf_pooler_type", default: .mean),
      projection: try projection(fields, encoder.width == projectionWidth),
      projectionWidth: projectionWidth, positions: min(positions, most))
  }

  /// `null` means none, a missing key the two matrices.
  private static func projection(
    _ fields: Fields, _ isWide: Bool
  ) throws(FormatError) -> Projection {
    let key = ["hf_proj_type", "proj"].first { fields.object[$0] != nil }
    guard let key else { return .mlp }
    guard fields[key] != nil else {
      guard isWide else {
        throw FormatError(
          .inconsistent,
          "\(fields.path)\(key) is null, and the text tower is not embed_dim wide: \"linear\" or "
            + "\"mlp\" is needed")
      }
      return .none
    }
    return try fields.choice(key, default: .mlp)
  }

  private static func encoder(
    _ name: String, _ source: TowerSource
  ) throws(FormatError) -> Encoder {
    // Our own words first, then those that a file may give.
    for (owner, key) in [(source.details, "encoder"), (source.fields, "hf_model_config")]
    where owner[key] != nil {
      let fields = try owner.object(key)
      let kind = fields["model_type"]?.string ?? ""
      return kind == "m2m_100"
        ? .nllb(try NLLBEncoder(fields)) : .bert(kind, try BERTEncoder(kind: kind, fields))
    }
    guard let weights = source.weights else {
      throw FormatError(.invalidField, "towers.text.encoder is missing")
    }
    let guidance = "say it in transformers' words as text_cfg.hf_model_config"
    if weights.has("transformer.embed_tokens.weight"), name.contains("nllb") {
      return .nllb(try nllb(weights, guidance))
    }
    guard let kind = BERTEncoder.kind(named: name) else {
      throw source.fields.unsupported(
        "hf_model_name", "the name of a BERT, RoBERTa, XLM-R or NLLB (for others " + guidance + ")")
    }
    return .bert(
      kind, try BERTEncoder(kind, weights, "transformer.", guidance: guidance))
  }

  private static func nllb(
    _ weights: TowerWeights, _ guidance: String
  ) throws(FormatError) -> NLLBEncoder {
    guard let table = weights.extents("transformer.embed_tokens.weight", rank: 2),
      let hidden = weights.extents("transformer.layers.0.fc1.weight", rank: 2),
      table[1] % 64 == 0
    else {
      throw FormatError(
        .unsupported, "leaves the number of heads of its tower open; " + guidance,
        tensor: weights.prefix + "transformer.embed_tokens.weight")
    }
    let inferred: JSON.Object = [
      "d_model": .integer(table[1]), "encoder_attention_heads": .integer(table[1] / 64),
      "encoder_layers": .integer(weights.count { "transformer.layers.\($0).fc1.weight" }),
      "encoder_ffn_dim": .integer(hidden[0]), "vocab_size": .integer(table[0]),
    ]
    return try NLLBEncoder(Fields(inferred))
  }

  var json: JSON.Object {
    [
      "hf_model_name": .string(name), "hf_pooler_type": .string(pooling.rawValue),
      "hf_proj_type": projection == .none ? .null : .string(projection.rawValue),
      "context_length": .integer(positions),
    ]
  }

  var details: JSON.Object {
    switch encoder {
    case .bert(let kind, let encoder):
      var object = encoder.json
      object["model_type"] = .string(kind)
      return ["encoder": .object(object)]
    case .nllb(let encoder): return ["encoder": .object(encoder.json)]
    }
  }

  var constants: [String: [Float]] {
    guard case .nllb(let encoder) = encoder else { return [:] }
    return ["transformer." + NLLBEncoder.positions: encoder.sinusoids(most: positions)]
  }

  var network: TowerNetwork {
    var (items, rows, hasDense): ([TowerNetwork.Item], String, Bool)
    switch encoder {
    case .bert(_, let encoder):
      (items, rows, hasDense) = (encoder.items("transformer.", .bert), "y", true)
    case .nllb(let encoder):
      (items, rows, hasDense) = (encoder.items("transformer.", most: positions), "t", false)
    }
    let width = encoder.width
    switch pooling {
    case .mean:
      items.append(.step(Step(.mean(skip: 0), [rows, "seen"], to: "pooled", stage: "pooled")))
    case .pooler where hasDense:
      items += [
        .step(.pick(rows, to: "c", .row(0))),
        .step(
          .linear(
            "c", to: "pooled", width: width, "transformer.pooler.dense", activation: .tanh,
            stage: "pooled")),
      ]
    case .pooler, .first:
      var pick = Step.pick(rows, to: "pooled", .row(0))
      pick.stage = "pooled"
      items.append(.step(pick))
    }
    switch projection {
    case .none: break
    case .linear:
      items.append(
        .step(
          .linear(
            "pooled", to: "e", width: projectionWidth, "proj", hasBias: false,
            stage: "projected")))
    case .mlp:
      items += [
        .step(
          .linear(
            "pooled", to: "w", width: (width + projectionWidth) / 2, "proj.0", hasBias: false,
            activation: .gelu)),
        .step(
          .linear(
            "w", to: "e", width: projectionWidth, "proj.2", hasBias: false, stage: "projected")),
      ]
    }
    return TowerNetwork(
      .ids(least: 1, most: positions), items, output: projection == .none ? "pooled" : "e")
  }
}
