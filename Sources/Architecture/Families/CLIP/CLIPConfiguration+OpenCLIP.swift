public import Bytes

/// `open_clip_config.json`, the `model_cfg` in it.
///
/// Source: `model.py` of open_clip 3, `CLIPVisionCfg` and `CLIPTextCfg`. Every switch there that
/// makes the model something else than CLIP is refused by name.
extension CLIPConfiguration {
  /// Reads an `open_clip_config.json`.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  public init(openCLIP json: JSON) throws(FormatError) {
    let root = try Fields(json, "the text")
    guard root["model_cfg"] != nil else {
      throw FormatError(.invalidField, "model_cfg is missing")
    }
    let model = try root.object("model_cfg")
    try model.refuse("multimodal_cfg")
    try model.refuse("init_logit_bias")
    let image = try model.object("vision_cfg")
    let text = try model.object("text_cfg")
    let activation: Activation =
      try model.flag("quick_gelu", default: false) ? .quickGELU : .gelu
    self.init(
      image: try Self.image(image, activation), text: try Self.text(text, activation),
      projectionWidth: try model.whole("embed_dim", Limits.projection, default: nil))
  }

  /// The text tower of an `open_clip_config.json`.
  static func text(openCLIP json: JSON) throws(FormatError) -> Text {
    let model = try Fields(json, "the text").object("model_cfg")
    let activation: Activation =
      try model.flag("quick_gelu", default: false) ? .quickGELU : .gelu
    return try text(try model.object("text_cfg"), activation)
  }

  private static func image(
    _ fields: Fields, _ activation: Activation
  ) throws(FormatError) -> Image {
    for key in ["timm_model_name", "attentional_pool", "no_ln_pre", "final_ln_after_pool"] {
      try fields.refuse(key, unless: key == "timm_model_name" ? [] : [false])
    }
    try fields.refuse("pool_type", unless: ["tok"])
    try fields.refuse("pos_embed_type", unless: ["learnable", "sin_cos_2d"])
    if let stages = fields["layers"], stages.array != nil {
      throw FormatError(
        .unsupported,
        "\(fields.path)layers is \(stages.excerpt): a ResNet; only vision transformers are supported"
      )
    }
    let width = try fields.whole("width", Limits.width, default: 768)
    let headWidth = try fields.whole("head_width", Limits.width, default: 64)
    guard width % headWidth == 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)head_width is \(headWidth), a divisor of \(fields.path)width \(width) is "
          + "required")
    }
    return try Image(
      transformer: transformer(fields, activation, width: width, heads: width / headWidth),
      sizes: fields, imageSize: 224, patchSize: 16)
  }

  private static func text(
    _ fields: Fields, _ activation: Activation
  ) throws(FormatError) -> Text {
    try fields.refuse("hf_model_name")
    for key in ["embed_cls", "no_causal_mask", "final_ln_after_pool", "proj_bias"] {
      try fields.refuse(key, unless: [false])
    }
    try fields.refuse("proj_type", unless: ["linear"])
    try fields.refuse("pool_type", unless: ["argmax"])
    let width = try fields.whole("width", Limits.width, default: 512)
    let heads = try fields.whole("heads", Limits.heads, default: 8)
    guard width % heads == 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)heads is \(heads), a divisor of \(fields.path)width \(width) is required")
    }
    return Text(
      transformer: try transformer(fields, activation, width: width, heads: heads),
      vocabularySize: try fields.whole("vocab_size", Limits.vocabulary, default: 49408),
      positions: try fields.whole("context_length", Limits.positions, default: 77),
      pooling: .largestID)
  }

  private static func transformer(
    _ fields: Fields, _ activation: Activation, width: Int, heads: Int
  ) throws(FormatError) -> Transformer {
    for key in ["qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn"] {
      try fields.refuse(key, unless: [false])
    }
    try fields.refuse("scale_fc", unless: [false])
    try fields.refuse("block_type", unless: ["default"])
    try fields.refuse("ls_init_value")
    try fields.refuse("act_kwargs", unless: [[:]])
    let ratio = try fields.number("mlp_ratio", 0.001...1_000, default: 4)
    let hiddenWidth = Int(saturating: Double(width) * ratio)
    guard Limits.hiddenWidth.contains(hiddenWidth) else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)mlp_ratio times width is \(hiddenWidth), "
          + "\(Limits.hiddenWidth.lowerBound) to \(Limits.hiddenWidth.upperBound) are allowed")
    }
    return Transformer(
      width: width, layers: try fields.whole("layers", Limits.layers, default: 12), heads: heads,
      hiddenWidth: hiddenWidth, activation: activation,
      layerNormEpsilon: Float(
        try fields.object("norm_kwargs").number("eps", Limits.epsilon, default: 1e-5)))
  }
}
