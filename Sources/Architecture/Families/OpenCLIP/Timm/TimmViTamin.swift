internal import Bytes

/// timm's ViTamin: two stages of inverted bottlenecks that halve the map, and a transformer whose
/// perceptrons are gated.
///
/// Source: `vitamin.py` of timm 1.0.31.
struct TimmViTamin: TowerDescription {
  var timm: TimmSource
  /// Channels behind the stem.
  var stemWidth: Int
  /// Channels of each stage of convolutions.
  var widths: [Int]
  /// Blocks of each stage of convolutions.
  var depths: [Int]
  /// Channels inside the blocks of each stage.
  var hiddenWidths: [Int]
  var block: PreNormBlock
  var layers: Int
  var hasPositions: Bool

  private static let epsilon: Float = 1e-6
  private static let convolutions = "patch_embed.backbone."
  private static let halvings = 4

  /// Rows and columns that the transformer sees.
  private var edge: Int {
    (0..<Self.halvings).reduce(timm.imageSize) { edge, _ in (edge - 1) / 2 + 1 }
  }

  static func read(_ source: TowerSource) throws(FormatError) -> TimmViTamin? {
    guard let timm = try TimmSource(source, where: { $0.hasPrefix("vitamin_") }) else {
      return nil
    }
    try timm.refusePool(unless: ["avg"])
    let stages = 0..<2
    func inner(_ stage: Int, _ block: Int) -> String {
      "\(convolutions)stages.\(stage).\(block).conv1_1x1.weight"
    }
    let hiddenWidths = try timm.wholes(
      "stage_hidden", Limits.hiddenWidth,
      stages.map { timm.extent(inner($0, 0), 0, rank: 4) })
    let widths = try timm.wholes(
      "stage_dims", Limits.width,
      stages.map {
        timm.extent("\(convolutions)stages.\($0).0.conv3_1x1.weight", 0, rank: 4)
      })
    let depths = try timm.wholes(
      "stage_depths", Limits.layers,
      stages.map { stage in timm.count { inner(stage, $0) } })
    guard widths.count == 2, depths.count == 2, hiddenWidths.count == 2 else {
      throw FormatError(
        .inconsistent,
        "\(JSON.quoted(timm.name)) has \(widths.count) stages of \(depths.count) depths, 2 are "
          + "needed")
    }
    return TimmViTamin(
      timm: timm,
      stemWidth: try timm.whole(
        "stem_width", Limits.width, timm.extent(convolutions + "stem.conv1.weight", 0, rank: 4)),
      widths: widths, depths: depths, hiddenWidths: hiddenWidths, block: try block(timm),
      layers: try timm.whole("depth", Limits.layers, timm.count { "blocks.\($0).norm1.weight" }),
      hasPositions: try timm.flag("pos_embed", timm.has("pos_embed")))
  }

  private static func block(_ timm: TimmSource) throws(FormatError) -> PreNormBlock {
    let width = try timm.whole(
      "embed_dim", Limits.width, timm.extent("blocks.0.norm1.weight", 0, rank: 1))
    let heads = try timm.whole(
      "num_heads", Limits.heads,
      timm.name.contains("xlarge") ? 16 : width % 64 == 0 ? width / 64 : nil)
    guard width % heads == 0 else {
      throw FormatError(
        .inconsistent, "num_heads is \(heads), a divisor of embed_dim \(width) is required")
    }
    var names = PreNormBlock.Names.timm
    names.expand = "mlp.w0"
    names.contract = "mlp.w2"
    var block = PreNormBlock(
      names: names, width: width, heads: heads,
      hiddenWidth: try timm.whole(
        "mlp_hidden", Limits.hiddenWidth, timm.extent("blocks.0.mlp.w0.weight", 0, rank: 2)),
      activation: .gelu, epsilon: epsilon)
    block.innerNorm = "mlp.norm"
    block.gate = "mlp.w1"
    return block
  }

  var json: JSON.Object { timm.json }

  var details: JSON.Object {
    var object: JSON.Object = [
      "stem_width": .integer(stemWidth),
      "stage_dims": .array(widths.map { .integer($0) }),
      "stage_depths": .array(depths.map { .integer($0) }),
      "stage_hidden": .array(hiddenWidths.map { .integer($0) }),
      "embed_dim": .integer(block.width), "depth": .integer(layers),
      "num_heads": .integer(block.heads), "mlp_hidden": .integer(block.hiddenWidth),
    ]
    if hasPositions { object["pos_embed"] = true }
    return object
  }

  var network: TowerNetwork {
    let module = "trunk." + Self.convolutions
    var items: [TowerNetwork.Item] = [
      .step(convolve("pixels", module + "stem.conv1", to: "s", stemWidth, stride: 2)),
      .step(.layerNorm("s", to: "sn", epsilon: Self.epsilon, module + "stem.norm1")),
      .step(Step(.add(signs: [1]), ["sn"], to: "sa", activation: .gelu)),
      .step(convolve("sa", module + "stem.conv2", to: "x0", stemWidth)),
    ]
    var value = "x0"
    for stage in widths.indices {
      items += halve(value, module, stage).map { .step($0) }
      value = "b\(stage)"
      guard depths[stage] > 1 else { continue }
      items.append(.rounds(rounds(value, module, stage)))
      value = "y\(stage)"
    }
    let patches = hasPositions ? "patches" : "x"
    var last = convolve("r", module + "pool.proj", to: patches, block.width, stride: 2)
    last.stage = hasPositions ? nil : "embeddings"
    items += [
      .step(.layerNorm(value, to: "r", epsilon: Self.epsilon, module + "pool.norm")),
      .step(last),
    ]
    if hasPositions {
      items.append(
        .step(
          .position(patches, to: "x", rows: edge * edge, "trunk.pos_embed", stage: "embeddings")))
    }
    items += [
      .rounds(block.rounds(layers, prefix: "trunk.blocks.#.")),
      .step(Step(.mean(skip: 0), ["y"], to: "c")),
      .step(
        .layerNorm("c", to: "pooled", epsilon: Self.epsilon, "trunk.fc_norm", stage: "pooled")),
    ]
    items += timm.head.steps(to: timm.projectionWidth, classifier: "trunk.head")
    return TowerNetwork(
      .pixels(channels: 3, height: timm.imageSize, width: timm.imageSize), items,
      output: timm.head.output)
  }

  /// A convolution of 3×3 with a bias.
  private func convolve(
    _ x: String, _ module: String, to output: String, _ width: Int, stride: Int = 1,
    groups: Int = 1, activation: Activation? = nil
  ) -> Step {
    .convolution(
      x, module, to: output, width, kernel: 3, stride: stride, groups: groups, hasBias: true,
      activation: activation)
  }

  /// The first block of a stage, to `b…`: beside it the map is halved by means.
  private func halve(_ x: String, _ module: String, _ stage: Int) -> [Step] {
    let prefix = "\(module)stages.\(stage).0."
    let (three, two) = (Operation.Pair(3, 3), Operation.Pair(2, 2))
    var steps = [
      Step(
        .averagePool(Operation.Pool(kernel: three, stride: two, padding: Operation.Pair(1, 1))),
        [x], to: "m\(stage)")
    ]
    var shortcut = "m\(stage)"
    if (stage == 0 ? stemWidth : widths[stage - 1]) != widths[stage] {
      shortcut = "w\(stage)"
      steps.append(
        .linear("m\(stage)", to: shortcut, width: widths[stage], prefix + "shortcut.expand"))
    }
    return steps
      + bottleneck(
        x, add: shortcut, prefix, stage, stride: 2, number: "0", to: "b\(stage)", local: "\(stage)")
  }

  /// The other blocks of a stage.
  private func rounds(_ x: String, _ module: String, _ stage: Int) -> TowerNetwork.Rounds {
    TowerNetwork.Rounds(
      depths[stage] - 1, first: 1, prefix: "\(module)stages.\(stage).#.", from: x,
      to: "y\(stage)",
      bottleneck(x, add: x, "", stage, stride: 1, number: "#", to: "z", local: ""))
  }

  /// - Parameters:
  ///   - prefix: of its tensors.
  ///   - local: behind the names of values.
  private func bottleneck(
    _ x: String, add shortcut: String, _ prefix: String, _ stage: Int, stride: Int,
    number: String, to output: String, local: String
  ) -> [Step] {
    let hidden = hiddenWidths[stage]
    return [
      .layerNorm(x, to: "n" + local, epsilon: Self.epsilon, prefix + "pre_norm"),
      .linear(
        "n" + local, to: "h" + local, width: hidden, prefix + "conv1_1x1", activation: .gelu),
      convolve(
        "h" + local, prefix + "conv2_kxk", to: "d" + local, hidden, stride: stride,
        groups: hidden, activation: .gelu),
      .linear(
        "d" + local, to: output, width: widths[stage], prefix + "conv3_1x1", add: shortcut,
        stage: "stage \(stage) block \(number)"),
    ]
  }

  var locations: [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    for layer in 0..<layers {
      result.stack(["q_proj", "k_proj", "v_proj"], of: "trunk.blocks.\(layer).attn.") {
        "qkv.\($0)"
      }
    }
    var pointwise: [String] = []
    for stage in widths.indices {
      let module = "trunk.\(Self.convolutions)stages.\(stage)."
      pointwise.append(module + "0.shortcut.expand.weight")
      for block in 0..<depths[stage] {
        pointwise += ["conv1_1x1", "conv3_1x1"].map { "\(module)\(block).\($0).weight" }
      }
    }
    result.add(ones: (0, 2), to: pointwise)
    result.add(ones: (1, 0), to: ["trunk.pos_embed"])
    return result
  }
}
