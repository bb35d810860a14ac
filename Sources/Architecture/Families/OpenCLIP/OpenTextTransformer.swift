internal import Bytes

/// open_clip's own text transformer: CLIP's, and its switches of masks, pooling and projection.
///
/// Source: `transformer.py` of open_clip 3.3, `TextTransformer` and `text_global_pool`.
struct OpenTextTransformer: TowerDescription {
  var block: PreNormBlock
  var layers: Int
  var vocabularySize: Int
  /// `context_length`: the ids of a text, without the learned token at its end.
  var positions: Int
  var pooling: Pooling
  var projection: Projection
  /// The width of the shared space.
  var projectionWidth: Int
  /// The id that fills the positions that a text leaves.
  var padding: Int
  /// CoCa: a learned token at the end that stands for the text, and hides padding from all.
  var hasClassToken: Bool

  /// Which row stands for the text.
  enum Pooling: Equatable {
    case largestID, first, last
    /// The first place of this id.
    case token(Int)
  }

  enum Projection {
    case none, linear, linearWithBias
  }

  private static let keys = OpenBlock.keys.union([
    "context_length", "vocab_size", "heads", "embed_cls", "pad_id", "eos_id", "no_causal_mask",
    "pool_type", "proj_bias", "proj_type", "hf_tokenizer_name", "tokenizer_mode",
    "tokenizer_kwargs", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type",
  ])

  static func read(_ source: TowerSource) throws(FormatError) -> OpenTextTransformer? {
    let fields = source.fields
    guard fields["hf_model_name"] == nil else { return nil }
    try fields.refuseOthers(than: keys)
    let width = try fields.whole("width", Limits.width, default: 512)
    let heads = try fields.whole("heads", Limits.heads, default: 8)
    try fields.divide("heads", heads, "width", width)
    var block = try OpenBlock.read(source, width: width, heads: heads)
    block.isCausal = try !fields.flag("no_causal_mask", default: false)
    let hasClassToken = try fields.flag("embed_cls", default: false)
    block.mask = hasClassToken ? "seen" : nil
    return OpenTextTransformer(
      block: block, layers: try fields.whole("layers", Limits.layers, default: 12),
      vocabularySize: try fields.whole("vocab_size", Limits.vocabulary, default: 49_408),
      positions: try fields.whole("context_length", Limits.positions, default: 77),
      pooling: hasClassToken ? .last : try pooling(fields),
      projection: try projection(fields), projectionWidth: try source.projectionWidth(),
      padding: try padding(source, isMasked: hasClassToken), hasClassToken: hasClassToken)
  }

  private static func pooling(_ fields: Fields) throws(FormatError) -> Pooling {
    switch fields["pool_type"] {
    case nil, "argmax"?: .largestID
    case "first"?: .first
    case "last"?: .last
    case "eos"?: .token(try fields.whole("eos_id", Limits.tokenID, default: 2))
    default:
      throw fields.unsupported("pool_type", #"one of "argmax", "first", "last", "eos""#)
    }
  }

  private static func projection(_ fields: Fields) throws(FormatError) -> Projection {
    try fields.refuse("proj_type", unless: ["linear", "none"])
    if fields["proj_type"] == "none" { return .none }
    return try fields.flag("proj_bias", default: false) ? .linearWithBias : .linear
  }

  /// open_clip's own tokenizer fills up with 0, others with their padding; the mask goes by
  /// `pad_id`.
  private static func padding(
    _ source: TowerSource, isMasked: Bool
  ) throws(FormatError) -> Int {
    let described = try source.fields.whole("pad_id", Limits.tokenID, default: 0)
    guard !isMasked, let files = source.weights?.files,
      let tokenizer = source.fields["hf_tokenizer_name"]?.string
    else { return described }
    if let padding = files.padding { return padding }
    // SentencePiece tables in T5's order.
    let isT5 = tokenizer.contains("SigLIP") && !tokenizer.contains("SigLIP2")
    return source.fields["pad_id"] == nil && isT5 ? 1 : described
  }

  var followsQuickGELU: Bool { block.activation == .quickGELU }

  var json: JSON.Object {
    var object = OpenBlock.json(of: block, layers: layers)
    object["heads"] = .integer(block.heads)
    object["context_length"] = .integer(positions)
    object["vocab_size"] = .integer(vocabularySize)
    if isFixed { object["pad_id"] = .integer(padding) }
    if hasClassToken { object["embed_cls"] = true }
    if !block.isCausal { object["no_causal_mask"] = true }
    switch pooling {
    case .largestID: break
    case .first: object["pool_type"] = "first"
    case .last: object["pool_type"] = "last"
    case .token(let id):
      object["pool_type"] = "eos"
      object["eos_id"] = .integer(id)
    }
    switch projection {
    case .none: object["proj_type"] = "none"
    case .linear: break
    case .linearWithBias: object["proj_bias"] = true
    }
    return object
  }

  /// As CLIP's text tower; `nil` where it is another.
  var clip: CLIPConfiguration.Text? {
    guard block.isCausal, !hasClassToken, pooling == .largestID, case .linear = projection,
      let transformer = block.clip(layers)
    else { return nil }
    return CLIPConfiguration.Text(
      transformer: transformer, vocabularySize: vocabularySize, positions: positions,
      pooling: .largestID)
  }

  /// Whether padding takes part in what is computed.
  private var isFixed: Bool { !block.isCausal || pooling == .last }

  var network: TowerNetwork {
    let width = block.width
    var items: [TowerNetwork.Item] = []
    var tokens = "tokens"
    if hasClassToken {
      // One place early, as in the published models: the learned token sees the text and the first
      // padding, and not itself.
      items.append(.step(Step(.mask(hidden: padding, before: 1, after: 0), ["ids"], to: "seen")))
    }
    items.append(
      .step(.lookup(to: tokens, rows: vocabularySize, width: width, "token_embedding.weight")))
    if hasClassToken {
      items += [
        .step(.parameter(to: "class", width: width, "cls_emb")),
        .step(Step(.concat, ["tokens", "class"], to: "all")),
      ]
      tokens = "all"
    }
    items += [
      .step(
        .position(
          tokens, to: "x", rows: positions + (hasClassToken ? 1 : 0), "positional_embedding",
          stage: "embeddings")),
      .rounds(block.rounds(layers, prefix: "transformer.resblocks.#.")),
      .step(pick),
      .step(.layerNorm("c", to: "pooled", epsilon: block.epsilon, "ln_final", stage: "pooled")),
    ]
    if case .none = projection {
      return TowerNetwork(input, items, output: "pooled")
    }
    var hasBias = false
    if case .linearWithBias = projection { hasBias = true }
    items.append(
      .step(
        .linear(
          "pooled", to: "e", width: projectionWidth, "text_projection", hasBias: hasBias,
          stage: "projected")))
    return TowerNetwork(input, items, output: "e")
  }

  private var input: TowerNetwork.Input {
    isFixed
      ? .paddedIDs(count: positions, padding: padding) : .ids(least: 1, most: positions)
  }

  private var pick: Step {
    switch pooling {
    case .largestID: .pick("y", ids: "ids", to: "c", .largest)
    case .token(let id): .pick("y", ids: "ids", to: "c", .token(id))
    case .first: .pick("y", to: "c", .row(0))
    case .last: .pick("y", to: "c", .last)
    }
  }

  var locations: [String: TensorLocation] {
    var result = OpenBlock.stacked(layers: layers)
    if case .linear = projection {
      result["text_projection.weight"] = TensorLocation("text_projection", isTransposed: true)
    }
    return result
  }
}
