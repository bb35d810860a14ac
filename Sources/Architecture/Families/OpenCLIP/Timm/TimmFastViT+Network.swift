extension TimmFastViT {
  var network: TowerNetwork {
    var builder = FastViTSteps(hasBatchNorm: hasBatchNorm)
    let width = stages[0].width
    for (index, (kernel, stride, groups)) in [(3, 2, 1), (3, 2, width), (1, 1, 1)].enumerated() {
      // The last one keeps the map, and so has a branch that only normalises.
      builder.convolve(
        FastViTSteps.Branches(
          module: "trunk.stem.\(index).", width: width, kernel: kernel, stride: stride,
          groups: groups, hasScale: hasStemScale && kernel > 1, hasIdentity: index == 2))
    }
    for (number, stage) in stages.enumerated() {
      let module = "trunk.stages.\(number)."
      if stage.isHalved { builder.halve(module, stage) }
      if stage.positionEdge > 0 { builder.tellPositions(module, stage) }
      builder.rounds(module, number, stage)
    }
    let before = stages[stages.count - 1].width
    builder.convolve(
      FastViTSteps.Branches(
        module: "trunk.final_conv.", width: last.width, kernel: 3, stride: 1, groups: before,
        hasScale: true, hasIdentity: last.width == before), gateWidth: last.gateWidth)
    var items = builder.items
    items.append(.step(Step(.mean(skip: 0), [builder.value], to: "pooled", stage: "pooled")))
    items += timm.head.steps(to: timm.projectionWidth, classifier: "trunk.head.fc")
    return TowerNetwork(
      .pixels(channels: 3, height: timm.imageSize, width: timm.imageSize), items,
      output: timm.head.output)
  }
}

/// The steps of a tower, as they are written one after the other.
private struct FastViTSteps {
  let hasBatchNorm: Bool
  var items: [TowerNetwork.Item] = []
  /// What the next step reads.
  var value = "pixels"
  /// The channels of the map.
  private var channels = 3
  private var count = 0

  init(hasBatchNorm: Bool) { self.hasBatchNorm = hasBatchNorm }

  /// A convolution that was trained as a sum: of itself, of one of single places, and of the map,
  /// each normalised.
  struct Branches {
    var module: String
    var width: Int
    var kernel: Int
    var stride: Int
    var groups: Int
    var hasScale: Bool
    var hasIdentity: Bool
  }

  private mutating func name(_ kind: String) -> String {
    count += 1
    return "\(kind)\(count)"
  }

  private mutating func add(_ step: Step) {
    items.append(.step(step))
    value = step.output
  }

  /// The sum of branches, perhaps a gate of channels, and GELU.
  mutating func convolve(_ branches: Branches, gateWidth: Int = 0) {
    let source = value
    var parts: [String] = []
    func convolution(_ x: String, _ module: String, _ kernel: Int, to output: String) -> Step {
      .convolution(
        x, branches.module + module + ".conv", to: output, branches.width, kernel: kernel,
        stride: branches.stride, groups: branches.groups)
    }
    var kinds = [("conv_kxk.0", branches.kernel)]
    if branches.hasScale { kinds.insert(("conv_scale", 1), at: 0) }
    for (module, kernel) in kinds {
      let (made, normal) = (name("c"), name("b"))
      add(convolution(source, module, kernel, to: made))
      add(.batchNorm(made, branches.module + module + ".bn", to: normal))
      parts.append(normal)
    }
    if branches.hasIdentity {
      let normal = name("b")
      add(.batchNorm(source, branches.module + "identity", to: normal))
      parts.append(normal)
    }
    sum(parts, branches.module, width: branches.width, gateWidth: gateWidth)
    channels = branches.width
  }

  private mutating func sum(
    _ parts: [String], _ module: String, width: Int, gateWidth: Int
  ) {
    let activation: Activation? = gateWidth == 0 ? .gelu : nil
    let total = name("a")
    if parts.count > 1 {
      add(
        Step(
          .add(signs: parts.map { _ in 1 }), parts, to: total, activation: activation))
    } else if case .step(var step) = items[items.count - 1] {
      // The only branch takes the activation itself.
      step.activation = activation
      items[items.count - 1] = .step(step)
    }
    guard gateWidth > 0 else { return }
    let (source, mean, hidden, gate, made) = (
      value, name("m"), name("h"), name("g"), name("o")
    )
    add(Step(.mean(skip: 0), [source], to: mean))
    add(.linear(mean, to: hidden, width: gateWidth, module + "se.fc1", activation: .relu))
    add(.linear(hidden, to: gate, width: width, module + "se.fc2", activation: .sigmoid))
    add(Step(.multiply, [source, gate], to: made, activation: .gelu))
  }

  /// Halves the map by a large and a small kernel, of which each channel's own makes one or more.
  mutating func halve(_ module: String, _ stage: TimmFastViT.Stage) {
    let (source, large) = (value, module + "downsample.proj.0.")
    var parts: [String] = []
    for (part, kernel) in [("large_conv", 7), ("small_conv", 3)] {
      let (made, normal) = (name("c"), name("b"))
      add(
        .convolution(
          source, large + part + ".conv", to: made, stage.width, kernel: kernel, stride: 2,
          groups: channels))
      add(.batchNorm(made, large + part + ".bn", to: normal))
      parts.append(normal)
    }
    sum(parts, large, width: stage.width, gateWidth: stage.gateWidth)
    convolve(
      Branches(
        module: module + "downsample.proj.1.", width: stage.width, kernel: 1, stride: 1, groups: 1,
        hasScale: false, hasIdentity: true))
  }

  /// Adds what a depthwise convolution sees around each place.
  mutating func tellPositions(_ module: String, _ stage: TimmFastViT.Stage) {
    let (source, made) = (value, name("e"))
    add(
      .convolution(
        source, module + "pos_emb.pos_enc", to: made, stage.width, kernel: stage.positionEdge,
        groups: stage.width, hasBias: true, add: source))
  }

  mutating func rounds(_ module: String, _ number: Int, _ stage: TimmFastViT.Stage) {
    let (source, made) = (value, "stage\(number)")
    let mix = stage.hasAttention ? attention(source, stage) : repMixer(source, stage)
    let scale = stage.hasAttention ? "layer_scale_2.gamma" : "layer_scale.gamma"
    items.append(
      .rounds(
        TowerNetwork.Rounds(
          stage.depth, prefix: module + "blocks.#.", from: source, to: made,
          mix + [
            .convolution(
              "y", "mlp.conv.conv", to: "d", stage.width, kernel: 7, groups: stage.width),
            .batchNorm("d", "mlp.conv.bn", to: "p"),
            .linear("p", to: "h", width: stage.hiddenWidth, "mlp.fc1", activation: .gelu),
            .linear("h", to: "f", width: stage.width, "mlp.fc2"),
            Step(
              .scale(weight: scale), ["f"], to: "z", add: "y", stage: "stage \(number) block #"),
          ])))
    value = made
    channels = stage.width
  }

  /// From `x` to `y`: what the sum of branches is more than the normalised map.
  private func repMixer(_ x: String, _ stage: TimmFastViT.Stage) -> [Step] {
    let mixer = "token_mixer.mixer."
    return [
      .convolution(
        x, mixer + "conv_scale.conv", to: "r1", stage.width, kernel: 1, groups: stage.width),
      .batchNorm("r1", mixer + "conv_scale.bn", to: "r2"),
      .convolution(
        x, mixer + "conv_kxk.0.conv", to: "r3", stage.width, kernel: 3, groups: stage.width),
      .batchNorm("r3", mixer + "conv_kxk.0.bn", to: "r4"),
      .batchNorm(x, mixer + "identity", to: "r5"),
      .batchNorm(x, "token_mixer.norm.identity", to: "r6"),
      Step(.add(signs: [1, 1, 1, -1]), ["r2", "r4", "r5", "r6"], to: "r7"),
      Step(.scale(weight: "token_mixer.layer_scale.gamma"), ["r7"], to: "y", add: x),
    ]
  }

  /// From `x` to `y`, in heads of 32.
  private func attention(_ x: String, _ stage: TimmFastViT.Stage) -> [Step] {
    let mixer = "token_mixer."
    return [
      hasBatchNorm
        ? .batchNorm(x, "norm", to: "n") : .layerNorm(x, to: "n", epsilon: 1e-5, "norm"),
      .linear("n", to: "q", width: stage.width, mixer + "q_proj", hasBias: false),
      .linear("n", to: "k", width: stage.width, mixer + "k_proj", hasBias: false),
      .linear("n", to: "v", width: stage.width, mixer + "v_proj", hasBias: false),
      .attention("q", "k", "v", to: "m", heads: stage.width / 32),
      .linear("m", to: "o", width: stage.width, mixer + "proj"),
      Step(.scale(weight: "layer_scale_1.gamma"), ["o"], to: "y", add: x),
    ]
  }
}
