internal import Bytes

/// open_clip's vision transformer: square patches, a class token before them, and its switches of
/// norms and pooling.
///
/// Source: `transformer.py` of open_clip 3.3, `VisionTransformer`.
struct OpenVisionTransformer: TowerDescription {
  var block: PreNormBlock
  var layers: Int
  var imageSize: Int
  var patchSize: Int
  var projectionWidth: Int
  var hasPreNorm: Bool
  /// Whether the mean of the patches, and not the class token, stands for the picture.
  var poolsMean: Bool
  /// Whether the last norm comes after pooling.
  var normsPooled: Bool
  /// Learned queries that attend to all tokens, in CoCa; `nil` without.
  var queries: Queries?

  struct Queries {
    var count: Int
    /// A divisor of the shared space's width, which is theirs.
    var heads: Int
  }

  private static let keys = OpenBlock.keys.union([
    "head_width", "patch_size", "image_size", "patch_dropout", "attentional_pool",
    "attn_pooler_queries", "attn_pooler_heads", "no_ln_pre", "pos_embed_type", "pool_type",
    "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop",
    "timm_drop_path",
  ])

  static func read(_ source: TowerSource) throws(FormatError) -> OpenVisionTransformer? {
    let fields = source.fields
    guard fields["timm_model_name"] == nil, fields["layers"]?.array == nil else { return nil }
    try fields.refuseOthers(than: keys)
    try fields.refuse("pool_type", unless: ["tok", "avg"])
    try fields.refuse("pos_embed_type", unless: ["learnable", "sin_cos_2d"])
    try fields.refuse("attentional_pool", unless: [false, true])
    let width = try fields.whole("width", Limits.width, default: 768)
    let headWidth = try fields.whole("head_width", Limits.width, default: 64)
    try fields.divide("head_width", headWidth, "width", width)
    let projectionWidth = try source.projectionWidth()
    var queries: Queries?
    if try fields.flag("attentional_pool", default: false) {
      let heads = try fields.whole("attn_pooler_heads", Limits.heads, default: 8)
      guard projectionWidth % heads == 0 else {
        throw FormatError(
          .inconsistent,
          "\(fields.path)attn_pooler_heads is \(heads), a divisor of model_cfg.embed_dim "
            + "\(projectionWidth) is required")
      }
      queries = Queries(
        count: try fields.whole("attn_pooler_queries", Limits.positions, default: 256),
        heads: heads)
    }
    return OpenVisionTransformer(
      block: try OpenBlock.read(source, width: width, heads: width / headWidth),
      layers: try fields.whole("layers", Limits.layers, default: 12),
      imageSize: try fields.edge("image_size", Limits.imageSize, default: 224),
      patchSize: try fields.patchSize(), projectionWidth: projectionWidth,
      hasPreNorm: try !fields.flag("no_ln_pre", default: false),
      poolsMean: fields["pool_type"] == "avg",
      normsPooled: try fields.flag("final_ln_after_pool", default: false), queries: queries)
  }

  var followsQuickGELU: Bool { block.activation == .quickGELU }

  var json: JSON.Object {
    var object = OpenBlock.json(of: block, layers: layers)
    object["head_width"] = .integer(block.width / block.heads)
    object["image_size"] = .integer(imageSize)
    object["patch_size"] = .integer(patchSize)
    if !hasPreNorm { object["no_ln_pre"] = true }
    if poolsMean { object["pool_type"] = "avg" }
    if normsPooled { object["final_ln_after_pool"] = true }
    if let queries {
      object["attentional_pool"] = true
      object["attn_pooler_queries"] = .integer(queries.count)
      object["attn_pooler_heads"] = .integer(queries.heads)
    }
    return object
  }

  /// As CLIP's image tower; `nil` where it is another.
  var clip: CLIPConfiguration.Image? {
    guard hasPreNorm, !poolsMean, queries == nil, let transformer = block.clip(layers) else {
      return nil
    }
    return CLIPConfiguration.Image(
      transformer: transformer, imageSize: imageSize, patchSize: patchSize)
  }

  var network: TowerNetwork {
    let edge = imageSize / patchSize
    let placed = hasPreNorm ? "placed" : "x"
    var items: [TowerNetwork.Item] = [
      .step(.parameter(to: "class", width: block.width, "class_embedding")),
      .step(
        .patches(
          to: "patches", width: block.width, edge: patchSize, "conv1", hasBias: false)),
      .step(Step(.concat, ["class", "patches"], to: "tokens")),
      .step(
        .position(
          "tokens", to: placed, rows: edge * edge + 1, "positional_embedding",
          stage: hasPreNorm ? nil : "embeddings")),
    ]
    if hasPreNorm {
      items.append(
        .step(
          .layerNorm(placed, to: "x", epsilon: block.epsilon, "ln_pre", stage: "embeddings")))
    }
    items.append(.rounds(block.rounds(layers, prefix: "transformer.resblocks.#.")))
    items += (queries.map(attentionalPool) ?? pool("y")).map { .step($0) }
    items.append(
      .step(
        .linear(
          "pooled", to: "e", width: projectionWidth, "proj", hasBias: false,
          stage: "projected")))
    return TowerNetwork(
      .pixels(channels: 3, height: imageSize, width: imageSize), items, output: "e")
  }

  /// From tokens to `pooled`.
  private func pool(_ tokens: String) -> [Step] {
    func norm(_ x: String, to output: String, stage: String? = nil) -> Step {
      .layerNorm(x, to: output, epsilon: block.epsilon, "ln_post", stage: stage)
    }
    if !poolsMean {
      return [.pick(tokens, to: "c", .row(0)), norm("c", to: "pooled", stage: "pooled")]
    }
    let mean = Step(.mean(skip: 1), [normsPooled ? tokens : "t"], to: normsPooled ? "c" : "pooled")
    return normsPooled
      ? [mean, norm("c", to: "pooled", stage: "pooled")] : [norm(tokens, to: "t"), mean]
  }

  /// From `y` to `pooled`, by queries that have the width of the shared space.
  private func attentionalPool(_ queries: Queries) -> [Step] {
    let (width, attention) = (projectionWidth, "attn_pool.attn.")
    var steps: [Step] = [
      .parameter(to: "probes", rows: queries.count, width: width, "attn_pool.query"),
      // `norm_kwargs` does not reach these two there.
      .layerNorm("probes", to: "pn", epsilon: 1e-5, "attn_pool.ln_q"),
      .layerNorm("y", to: "yn", epsilon: 1e-5, "attn_pool.ln_k"),
      .linear("pn", to: "pq", width: width, attention + "q_proj"),
      .linear("yn", to: "pk", width: width, attention + "k_proj"),
      .linear("yn", to: "pv", width: width, attention + "v_proj"),
      .attention("pq", "pk", "pv", to: "pm", heads: queries.heads),
      .linear("pm", to: "po", width: width, attention + "out_proj"),
    ]
    if poolsMean {
      steps += [
        .layerNorm("po", to: "pt", epsilon: block.epsilon, "ln_post"),
        Step(.mean(skip: 1), ["pt"], to: "pooled"),
      ]
    } else {
      steps += [
        .pick("po", to: "pt", .row(0)),
        .layerNorm("pt", to: "pooled", epsilon: block.epsilon, "ln_post", stage: "pooled"),
      ]
    }
    return steps
  }

  var locations: [String: TensorLocation] {
    var result = OpenBlock.stacked(layers: layers)
    result["proj.weight"] = TensorLocation("proj", isTransposed: true)
    guard queries != nil else { return result }
    let attention = "attn_pool.attn."
    let projections = ["q_proj", "k_proj", "v_proj"]
    result.stack(projections, of: attention) { "in_proj_\($0)" }
    // torch stacks them only where queries and tokens are of one width.
    guard projectionWidth != block.width else { return result }
    for projection in projections {
      result["\(attention)\(projection).weight"] = TensorLocation(
        "\(attention)\(projection)_weight")
    }
    return result
  }
}

extension Fields {
  fileprivate func patchSize() throws(FormatError) -> Int {
    let patch = try edge("patch_size", Limits.imageSize, default: 16)
    let image = try edge("image_size", Limits.imageSize, default: 224)
    guard patch <= image else {
      throw FormatError(
        .inconsistent,
        "\(path)patch_size is \(patch), at most \(path)image_size \(image) is allowed")
    }
    return patch
  }

  /// Refuses what does not divide another key's value.
  func divide(
    _ key: String, _ value: Int, _ whole: String, _ size: Int
  ) throws(FormatError) {
    guard size % value == 0 else {
      throw FormatError(
        .inconsistent,
        "\(path)\(key) is \(value), a divisor of \(path)\(whole) \(size) is required")
    }
  }
}

extension PreNormBlock {
  /// As CLIP's stack of blocks; `nil` where it is another.
  func clip(_ layers: Int) -> CLIPConfiguration.Transformer? {
    let kind: CLIPConfiguration.Activation
    switch activation {
    case .gelu: kind = .gelu
    case .quickGELU: kind = .quickGELU
    default: return nil
    }
    guard !hasLayerScale else { return nil }
    return CLIPConfiguration.Transformer(
      width: width, layers: layers, heads: heads, hiddenWidth: hiddenWidth, activation: kind,
      layerNormEpsilon: epsilon)
  }
}
