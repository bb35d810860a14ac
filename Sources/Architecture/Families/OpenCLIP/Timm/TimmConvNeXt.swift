internal import Bytes

/// timm's ConvNeXt: four stages of depthwise convolutions and multilayer perceptrons of channels.
///
/// Source: `convnext.py` of timm 1.0.31.
struct TimmConvNeXt: TowerDescription {
  var timm: TimmSource
  /// Channels of each stage.
  var widths: [Int]
  /// Blocks of each stage.
  var depths: [Int]
  /// Between the matrices of each stage's perceptrons.
  var hiddenWidths: [Int]
  var epsilon: Float

  static func read(_ source: TowerSource) throws(FormatError) -> TimmConvNeXt? {
    let names = ["tiny", "small", "base", "large", "xlarge", "xxlarge"].map { "convnext_" + $0 }
    guard let timm = try TimmSource(source, where: names.contains) else { return nil }
    try timm.refusePool(unless: ["avg"])
    let stages = 0..<4
    let tower = TimmConvNeXt(
      timm: timm,
      widths: try timm.wholes(
        "dims", Limits.width,
        stages.map { timm.extent("stages.\($0).blocks.0.conv_dw.weight", 0, rank: 4) }),
      depths: try timm.wholes(
        "depths", Limits.layers,
        stages.map { stage in timm.count { "stages.\(stage).blocks.\($0).conv_dw.weight" } }),
      hiddenWidths: try timm.wholes(
        "mlp_hidden", Limits.hiddenWidth,
        stages.map { timm.extent("stages.\($0).blocks.0.mlp.fc1.weight", 0, rank: 2) }),
      epsilon: Float(
        try source.details.number(
          "norm_eps", Limits.epsilon, default: timm.name == "convnext_xxlarge" ? 1e-5 : 1e-6)))
    guard tower.widths.count == 4, tower.depths.count == 4, tower.hiddenWidths.count == 4 else {
      throw FormatError(
        .inconsistent,
        "\(JSON.quoted(timm.name)) has \(tower.widths.count) stages of "
          + "\(tower.depths.count) depths, 4 are needed")
    }
    return tower
  }

  var json: JSON.Object { timm.json }

  var details: JSON.Object {
    [
      "dims": .array(widths.map { .integer($0) }), "depths": .array(depths.map { .integer($0) }),
      "mlp_hidden": .array(hiddenWidths.map { .integer($0) }),
      "norm_eps": JSON(decimal: epsilon),
    ]
  }

  var network: TowerNetwork {
    var items: [TowerNetwork.Item] = [
      .step(shrink("pixels", "trunk.stem.0", to: "s", widths[0], by: 4)),
      .step(.layerNorm("s", to: "x0", epsilon: epsilon, "trunk.stem.1")),
    ]
    var value = "x0"
    for stage in widths.indices {
      let module = "trunk.stages.\(stage)."
      if stage > 0 {
        items += [
          .step(
            .layerNorm(value, to: "n\(stage)", epsilon: epsilon, module + "downsample.0")),
          .step(
            shrink("n\(stage)", module + "downsample.1", to: "x\(stage)", widths[stage], by: 2)),
        ]
        value = "x\(stage)"
      }
      items.append(.rounds(rounds(stage, from: value)))
      value = "y\(stage)"
    }
    items += [
      .step(Step(.mean(skip: 0), [value], to: "c")),
      .step(
        .layerNorm("c", to: "pooled", epsilon: epsilon, "trunk.head.norm", stage: "pooled")),
    ]
    items += timm.head.steps(to: timm.projectionWidth, classifier: "trunk.head.fc")
    return TowerNetwork(
      .pixels(channels: 3, height: timm.imageSize, width: timm.imageSize), items,
      output: timm.head.output)
  }

  /// A convolution of squares without overlap.
  private func shrink(
    _ x: String, _ module: String, to output: String, _ width: Int, by edge: Int
  ) -> Step {
    let pair = Operation.Pair(edge, edge)
    return Step(
      .conv2d(
        Operation.Convolution(
          width: width, kernel: pair, stride: pair, weight: module + ".weight",
          bias: module + ".bias")), [x], to: output)
  }

  private func rounds(_ stage: Int, from value: String) -> TowerNetwork.Rounds {
    let width = widths[stage]
    return TowerNetwork.Rounds(
      depths[stage], prefix: "trunk.stages.\(stage).blocks.#.", from: value, to: "y\(stage)",
      [
        .convolution(
          value, "conv_dw", to: "d", width, kernel: 7, groups: width, hasBias: true),
        .layerNorm("d", to: "p", epsilon: epsilon, "norm"),
        .linear("p", to: "h", width: hiddenWidths[stage], "mlp.fc1", activation: .gelu),
        .linear("h", to: "f", width: width, "mlp.fc2"),
        Step(
          .scale(weight: "gamma"), ["f"], to: "z", add: value, stage: "stage \(stage) block #"),
      ])
  }
}
