extension ModifiedResNet {
  var network: TowerNetwork {
    var steps = Steps()
    let stem = width / 2
    steps.convolve("pixels", "conv1", to: "s1", stem, kernel: 3, stride: 2)
    steps.normalise("s1", "bn1", to: "s2")
    steps.convolve("s2", "conv2", to: "s3", stem, kernel: 3)
    steps.normalise("s3", "bn2", to: "s4")
    steps.convolve("s4", "conv3", to: "s5", width, kernel: 3)
    steps.normalise("s5", "bn3", to: "s6")
    steps.pool("s6", to: "x0", by: 2)
    var value = "x0"
    for (stage, count) in blocks.enumerated() {
      let planes = width << stage
      value = steps.firstBlock(
        value, "layer\(stage + 1)", number: stage + 1, planes: planes, stride: stage == 0 ? 1 : 2)
      if count > 1 {
        value = steps.otherBlocks(
          value, "layer\(stage + 1)", number: stage + 1, planes: planes, count: count - 1)
      }
    }
    steps.attentionPool(value, self)
    return TowerNetwork(
      .pixels(channels: 3, height: imageSize, width: imageSize), steps.items,
      output: "e")
  }
}

/// The steps of a tower, as they are written one after the other.
private struct Steps {
  var items: [TowerNetwork.Item] = []

  mutating func convolve(
    _ x: String, _ module: String, to output: String, _ width: Int, kernel: Int, stride: Int = 1
  ) {
    items.append(
      .step(.convolution(x, module, to: output, width, kernel: kernel, stride: stride)))
  }

  mutating func normalise(_ x: String, _ module: String, to output: String) {
    items.append(.step(.batchNorm(x, module, to: output, activation: .relu)))
  }

  mutating func pool(_ x: String, to output: String, by edge: Int) {
    items.append(.step(.averagePool(x, to: output, by: edge)))
  }

  /// A bottleneck that changes the number of channels, and halves the map by an average pool where
  /// its stride is 2.
  mutating func firstBlock(
    _ x: String, _ stage: String, number: Int, planes: Int, stride: Int
  ) -> String {
    let (module, n) = ("\(stage).0.", number)
    var steps = [
      Step.convolution(x, module + "conv1", to: "a\(n)", planes, kernel: 1),
      .batchNorm("a\(n)", module + "bn1", to: "b\(n)", activation: .relu),
      .convolution("b\(n)", module + "conv2", to: "c\(n)", planes, kernel: 3),
      .batchNorm("c\(n)", module + "bn2", to: "d\(n)", activation: .relu),
    ]
    var (branch, shortcut) = ("d\(n)", x)
    if stride > 1 {
      steps.append(.averagePool("d\(n)", to: "p\(n)", by: stride))
      steps.append(.averagePool(x, to: "r\(n)", by: stride))
      (branch, shortcut) = ("p\(n)", "r\(n)")
    }
    steps += [
      .convolution(shortcut, module + "downsample.0", to: "u\(n)", 4 * planes, kernel: 1),
      .batchNorm("u\(n)", module + "downsample.1", to: "w\(n)"),
      .convolution(branch, module + "conv3", to: "f\(n)", 4 * planes, kernel: 1),
      .batchNorm(
        "f\(n)", module + "bn3", to: "g\(n)", add: "w\(n)", activation: .relu,
        stage: "layer \(n) block 0"),
    ]
    items += steps.map { .step($0) }
    return "g\(n)"
  }

  mutating func otherBlocks(
    _ x: String, _ stage: String, number: Int, planes: Int, count: Int
  ) -> String {
    items.append(
      .rounds(
        TowerNetwork.Rounds(
          count, first: 1, prefix: "\(stage).#.", from: x, to: "y\(number)",
          [
            .convolution(x, "conv1", to: "a", planes, kernel: 1),
            .batchNorm("a", "bn1", to: "b", activation: .relu),
            .convolution("b", "conv2", to: "c", planes, kernel: 3),
            .batchNorm("c", "bn2", to: "d", activation: .relu),
            .convolution("d", "conv3", to: "f", 4 * planes, kernel: 1),
            .batchNorm(
              "f", "bn3", to: "h", add: x, activation: .relu,
              stage: "layer \(number) block #"),
          ])))
    return "y\(number)"
  }

  /// The mean of all places asks all places, and itself.
  mutating func attentionPool(_ x: String, _ tower: ModifiedResNet) {
    let (width, module) = (tower.lastWidth, "attnpool.")
    items += [
      Step(.mean(skip: 0), [x], to: "m"),
      Step(.concat, ["m", x], to: "t"),
      .position(
        "t", to: "tp", rows: tower.lastEdge * tower.lastEdge + 1,
        module + "positional_embedding"),
      .pick("tp", to: "first", .row(0)),
      .linear("first", to: "q", width: width, module + "q_proj"),
      .linear("tp", to: "k", width: width, module + "k_proj"),
      .linear("tp", to: "v", width: width, module + "v_proj"),
      .attention("q", "k", "v", to: "o", heads: tower.heads),
      .linear("o", to: "e", width: tower.projectionWidth, module + "c_proj", stage: "projected"),
    ].map { .step($0) }
  }
}
