internal import Bytes

/// What `vision_cfg` and `text_cfg` say alike of open_clip's own transformers.
enum OpenBlock {
  /// The keys that say so, and those of training and of blocks that are refused.
  static let keys: Set<String> = [
    "width", "layers", "mlp_ratio", "ls_init_value", "norm_kwargs", "act_kwargs", "output_tokens",
    "block_type", "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn",
    "scale_fc", "final_ln_after_pool",
  ]

  /// Blocks of no published model.
  private static let switches = [
    "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc",
  ]

  static func read(
    _ source: TowerSource, width: Int, heads: Int
  ) throws(FormatError) -> PreNormBlock {
    let fields = source.fields
    for key in switches { try fields.refuse(key, unless: [false]) }
    try fields.refuse("block_type", unless: ["default"])
    let ratio = try fields.number("mlp_ratio", 0.001...1_000, default: 4)
    let hiddenWidth = Int(saturating: Double(width) * ratio)
    guard Limits.hiddenWidth.contains(hiddenWidth) else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)mlp_ratio times width is \(hiddenWidth), "
          + "\(Limits.hiddenWidth.lowerBound) to \(Limits.hiddenWidth.upperBound) are allowed")
    }
    let start = try fields.number("ls_init_value", -1_000...1_000, default: .nan)
    return PreNormBlock(
      names: .openCLIP, width: width, heads: heads, hiddenWidth: hiddenWidth,
      activation: try source.activation(), epsilon: try source.epsilon(),
      hasLayerScale: !start.isNaN)
  }

  /// The words for it, but for the number of heads.
  static func json(of block: PreNormBlock, layers: Int) -> JSON.Object {
    var object: JSON.Object = [
      "width": .integer(block.width), "layers": .integer(layers),
      "mlp_ratio": .number(ratio(block.hiddenWidth, of: block.width)),
    ]
    // What it starts from in training; that it is there is what counts.
    if block.hasLayerScale { object["ls_init_value"] = 1 }
    if block.epsilon != 1e-5 { object["norm_kwargs"] = ["eps": JSON(decimal: block.epsilon)] }
    if block.activation == .tanhGELU { object["act_kwargs"] = ["approximate": "tanh"] }
    return object
  }

  /// A factor whose product with `width` is `hiddenWidth` and a part, as Python has it.
  static func ratio(_ hiddenWidth: Int, of width: Int) -> Double {
    let exact = Double(hiddenWidth) / Double(width)
    return Int(saturating: Double(width) * exact) == hiddenWidth
      ? exact : (Double(hiddenWidth) + 0.5) / Double(width)
  }

  /// Where the parts of a stacked matrix and bias stand.
  static func stacked(layers: Int) -> [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    for layer in 0..<layers {
      let attention = "transformer.resblocks.\(layer).attn."
      result.stack(["q_proj", "k_proj", "v_proj"], of: attention) { "in_proj_\($0)" }
    }
    return result
  }
}

extension [String: TensorLocation] {
  /// Says that tensors have more extents in the checkpoint, all of them 1.
  mutating func add(ones: (before: Int, behind: Int), to names: [String]) {
    for name in names { self[name, default: TensorLocation(name)].ones = ones }
  }

  /// Adds where modules stand whose weights and biases are stacked.
  ///
  /// - Parameters:
  ///   - modules: from the first rows to the last.
  ///   - prefix: before their names, and before those of the stacks.
  ///   - stack: the name of the stack of `weight` or `bias`.
  mutating func stack(
    _ modules: [String], of prefix: String, _ stack: (String) -> String
  ) {
    for (index, module) in modules.enumerated() {
      for kind in ["weight", "bias"] {
        self["\(prefix)\(module).\(kind)"] = TensorLocation(
          prefix + stack(kind), part: TensorLocation.Part(index, of: modules.count))
      }
    }
  }
}
