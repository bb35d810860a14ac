internal import Bytes

/// timm's vision transformers: SigLIP's, EVA-01's and EVA-02's, the Perception Encoder, and others
/// of square patches.
///
/// Source: `vision_transformer.py`, `vision_transformer_hybrid.py` and `eva.py` of timm 1.0.31.
struct TimmTransformer: TowerDescription {
  var timm: TimmSource
  var block: PreNormBlock
  var layers: Int
  /// Edges of the convolutions that cut patches, each without overlap: one, or a stem of several.
  var patches: [Int]
  /// Channels behind each convolution of a stem but the last.
  var stemWidths: [Int]
  var hasPatchBias: Bool
  var hasClassToken: Bool
  /// Whether the class token has a position.
  var placesClassToken: Bool
  /// LayerNorm before the first block.
  var hasPreNorm: Bool
  var attention: Attention
  var rotation: RotaryTable?
  /// LayerNorm behind each half of a block, and none before.
  var isPostNorm: Bool
  /// Attention of a learned query; `nil` where the class token stands for the picture.
  var pool: (heads: Int, hiddenWidth: Int)?

  /// How the tensors of queries, keys and values stand in a checkpoint.
  enum Attention: String, CaseIterable {
    case stacked
    /// A stacked matrix, and biases of queries and values alone.
    case stackedWithoutKeyBias = "stacked_without_key_bias"
    /// Matrices by themselves, and no bias of keys.
    case separate
  }

  /// Patches along an edge; pixels beyond the last whole patch are not looked at.
  var edge: Int { timm.imageSize / patches.reduce(1, *) }

  private static let kinds = ["eva_giant_", "eva02_base_", "eva02_large_", "eva02_enormous_"]

  static func read(_ source: TowerSource) throws(FormatError) -> TimmTransformer? {
    let found = try TimmSource(source) { name in
      name.hasPrefix("vit_") && !name.contains("relpos") || kinds.contains(where: name.hasPrefix)
    }
    guard let timm = found else { return nil }
    try timm.refusePool(unless: ["token", "map"])
    let width = try timm.whole(
      "embed_dim", Limits.width, timm.extent("pos_embed", 2, rank: 3))
    let heads = try timm.whole("num_heads", Limits.heads, timm.publishedHeads(width))
    guard width % heads == 0 else {
      throw FormatError(
        .inconsistent, "num_heads is \(heads), a divisor of embed_dim \(width) is required")
    }
    let (patches, stemWidths) = try timm.patches()
    let hasClassToken = try timm.flag("class_token", timm.has("cls_token"))
    let edge = timm.imageSize / patches.reduce(1, *)
    let rotation = try timm.rotation(edge: edge, headWidth: width / heads)
    return TimmTransformer(
      timm: timm,
      block: try timm.block(
        width: width, heads: heads, skip: hasClassToken ? 1 : 0, isRotated: rotation != nil),
      layers: try timm.whole("depth", Limits.layers, timm.count { "blocks.\($0).norm1.weight" }),
      patches: patches, stemWidths: stemWidths,
      hasPatchBias: try timm.flag(
        "patch_bias", timm.has("patch_embed.proj.bias") || stemWidths.count > 0),
      hasClassToken: hasClassToken,
      placesClassToken: try timm.flag(
        "embed_class", hasClassToken && timm.extent("pos_embed", 1, rank: 3) != edge * edge),
      hasPreNorm: try timm.flag("pre_norm", timm.has("norm_pre.weight")),
      attention: try timm.attention(), rotation: rotation,
      isPostNorm: try timm.flag("post_norm", timm.name.contains("enormous")),
      pool: try timm.attentionPool(width: width, heads: heads, hasClassToken))
  }

  var json: JSON.Object { timm.json }

  var details: JSON.Object {
    var object: JSON.Object = [
      "embed_dim": .integer(block.width), "depth": .integer(layers),
      "num_heads": .integer(block.heads), "mlp_hidden": .integer(block.hiddenWidth),
      "patch_size": .array(patches.map { .integer($0) }),
      "norm_eps": JSON(decimal: block.epsilon), "act_layer": .string(block.activation.rawValue),
      "attention": .string(attention.rawValue),
    ]
    if !stemWidths.isEmpty { object["stem"] = .array(stemWidths.map { .integer($0) }) }
    for (key, isOn) in [
      ("patch_bias", hasPatchBias), ("class_token", hasClassToken),
      ("embed_class", placesClassToken), ("pre_norm", hasPreNorm), ("post_norm", isPostNorm),
      ("swiglu_mlp", block.gate != nil), ("scale_mlp", block.hiddenNorm != nil),
      ("scale_attn_inner", block.attentionNorm != nil), ("layer_scale", block.hasLayerScale),
    ] where isOn {
      object[key] = true
    }
    if let rotation {
      object["ref_feat_shape"] = .integer(rotation.reference)
      object["rope_grid_offset"] = .integer(rotation.offset)
      object["rope_grid_indexing"] = rotation.isColumnFirst ? "xy" : "ij"
    }
    if let pool {
      object["attn_pool_num_heads"] = .integer(pool.heads)
      object["attn_pool_mlp_hidden"] = .integer(pool.hiddenWidth)
    }
    return object
  }
}

extension TimmSource {
  /// Of models under this name: 64 columns a head, and 16 heads of the wider ones.
  fileprivate func publishedHeads(_ width: Int) -> Int? {
    let wide = ["so400m", "giant", "gigantic", "enormous", "huge"]
    if wide.contains(where: name.contains) { return 16 }
    return width % 64 == 0 ? width / 64 : nil
  }

  fileprivate func patches() throws(FormatError) -> (edges: [Int], widths: [Int]) {
    let numbers = try source.details.wholes("patch_size", Limits.imageSize)
    if let numbers {
      let widths = try source.details.wholes("stem", Limits.width) ?? []
      guard widths.count == numbers.count - 1 else {
        throw FormatError(
          .inconsistent,
          "towers.image.stem has \(widths.count) widths, patch_size \(numbers.count) edges; one "
            + "less is needed")
      }
      return try checked(numbers, widths)
    }
    if let edge = extent("patch_embed.proj.weight", 2, rank: 4) { return try checked([edge], []) }
    let count = count { "patch_embed.backbone.\($0).conv.weight" }
    let stem = (0..<count).map { "patch_embed.backbone.\($0).conv.weight" }
    return try checked(
      stem.compactMap { extent($0, 2, rank: 4) },
      stem.dropLast().compactMap { extent($0, 0, rank: 4) })
  }

  private func checked(
    _ edges: [Int], _ widths: [Int]
  ) throws(FormatError) -> (edges: [Int], widths: [Int]) {
    guard (1...4).contains(edges.count), edges.allSatisfy({ (1...64).contains($0) }),
      edges.reduce(1, *) <= imageSize
    else {
      throw FormatError(
        .inconsistent,
        "patches of \(edges) pixels, 1 to 4 edges of 1 to 64 whose product is at most the "
          + "pictures' \(imageSize) are allowed")
    }
    return (edges, widths)
  }

  fileprivate func attention() throws(FormatError) -> TimmTransformer.Attention {
    if source.details["attention"] != nil || source.weights == nil {
      return try source.details.choice("attention", default: .stacked)
    }
    if has("blocks.0.attn.q_proj.weight") { return .separate }
    return has("blocks.0.attn.q_bias") ? .stackedWithoutKeyBias : .stacked
  }

  fileprivate func block(
    width: Int, heads: Int, skip: Int, isRotated: Bool
  ) throws(FormatError) -> PreNormBlock {
    let isGated = try flag("swiglu_mlp", has("blocks.0.mlp.fc1_g.weight"))
    let expand = isGated ? "mlp.fc1_g" : "mlp.fc1"
    var names = PreNormBlock.Names.timm
    names.expand = expand
    var block = PreNormBlock(
      names: names, width: width, heads: heads,
      hiddenWidth: try whole(
        "mlp_hidden", Limits.hiddenWidth, extent("blocks.0.\(expand).weight", 0, rank: 2)),
      activation: try activation(isGated), epsilon: try epsilon())
    block.hasLayerScale = try flag("layer_scale", has("blocks.0.ls1.gamma"))
    block.hasKeyBias = try attention() == .stacked
    block.attentionNorm =
      try flag("scale_attn_inner", has("blocks.0.attn.norm.weight")) ? "attn.norm" : nil
    block.hiddenNorm = try flag("scale_mlp", has("blocks.0.mlp.norm.weight")) ? "mlp.norm" : nil
    block.gate = isGated ? "mlp.fc1_x" : nil
    if isRotated { block.rotation = ("cosines", "sines", skip) }
    return block
  }

  /// Of SigLIP 2, those that timm did not have from SigLIP 1.
  private static let tanhModels = [
    "vit_base_patch32_siglip_", "vit_large_patch16_siglip_512", "vit_so400m_patch16_siglip_",
    "vit_giantopt_",
  ]

  private func activation(_ isGated: Bool) throws(FormatError) -> Activation {
    if source.details["act_layer"] != nil || source.weights == nil {
      return try source.details.choice("act_layer", default: Activation.gelu)
    }
    if isGated { return .silu }
    if Self.tanhModels.contains(where: name.hasPrefix) { return .tanhGELU }
    return name.contains("quickgelu") ? .quickGELU : .gelu
  }

  private func epsilon() throws(FormatError) -> Float {
    let isWide = name.hasPrefix("vit_pe_") || name.hasPrefix("vit_") && name.contains("_clip_")
    return Float(
      try source.details.number("norm_eps", Limits.epsilon, default: isWide ? 1e-5 : 1e-6))
  }

  fileprivate func rotation(edge: Int, headWidth: Int) throws(FormatError) -> RotaryTable? {
    let details = source.details
    let isPublished = details["num_heads"] == nil && source.weights != nil
    let isPE = name.hasPrefix("vit_pe_")
    let isEVA = name.hasPrefix("eva02_") && has("blocks.0.mlp.fc1_g.weight")
    guard details["ref_feat_shape"] != nil || isPublished && (isPE || isEVA) else { return nil }
    guard headWidth % 4 == 0 else {
      throw FormatError(
        .inconsistent, "heads are \(headWidth) wide, a multiple of 4 can be rotated")
    }
    // Published with patches as many as the reference has, but for EVA-02.
    let reference = try details.whole(
      "ref_feat_shape", 1...Limits.imageSize.upperBound, default: isPE ? edge : 16)
    let offset = try details.whole(
      "rope_grid_offset", 0...1_000,
      default: isPublished && isPE && !name.contains("gigantic") ? 1 : 0)
    try details.refuse("rope_grid_indexing", unless: ["ij", "xy"])
    let isColumnFirst = details["rope_grid_indexing"].map { $0 == "xy" } ?? isPE
    return RotaryTable(
      edge: edge, headWidth: headWidth, reference: reference, offset: offset,
      isColumnFirst: isColumnFirst)
  }

  fileprivate func attentionPool(
    width: Int, heads: Int, _ hasClassToken: Bool
  ) throws(FormatError) -> (heads: Int, hiddenWidth: Int)? {
    let isPooled =
      source.details["attn_pool_num_heads"] != nil
      || source.weights != nil && has("attn_pool.latent")
    guard isPooled else {
      guard hasClassToken else {
        throw FormatError(
          .unsupported,
          "\(JSON.quoted(name)) has neither a class token nor a pooling query, one is supported")
      }
      return nil
    }
    let poolHeads = try whole(
      "attn_pool_num_heads", Limits.heads, name.hasPrefix("vit_pe_") ? 8 : heads)
    guard width % poolHeads == 0 else {
      throw FormatError(
        .inconsistent,
        "attn_pool_num_heads is \(poolHeads), a divisor of embed_dim \(width) is required")
    }
    return (
      poolHeads,
      try whole(
        "attn_pool_mlp_hidden", Limits.hiddenWidth,
        extent("attn_pool.mlp.fc1.weight", 0, rank: 2))
    )
  }
}

extension PreNormBlock.Names {
  /// As timm has them, which stacks query, key and value in most models.
  static let timm = Self(
    norm1: "norm1", query: "attn.q_proj", key: "attn.k_proj", value: "attn.v_proj",
    output: "attn.proj", norm2: "norm2", expand: "mlp.fc1", contract: "mlp.fc2",
    scale1: "ls1.gamma", scale2: "ls2.gamma")
}
