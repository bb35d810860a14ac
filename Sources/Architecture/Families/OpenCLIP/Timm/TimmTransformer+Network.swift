extension TimmTransformer {
  var network: TowerNetwork {
    let width = block.width
    var items = stem
    if let rotation {
      // What they turn by, the same in all blocks.
      for table in ["cosines", "sines"] {
        items.append(
          .step(
            .parameter(
              to: table, rows: rotation.rows, width: rotation.columns, "trunk.rope." + table)))
      }
    }
    items += tokens.map { .step($0) }
    if hasPreNorm {
      items.append(
        .step(
          .layerNorm(
            "placed", to: "x", epsilon: block.epsilon, "trunk.norm_pre", stage: "embeddings")))
    }
    items.append(.rounds(rounds))
    if let pool {
      items.append(.step(.layerNorm("y", to: "t", epsilon: block.epsilon, "trunk.norm")))
      items += AttentionPool(
        names: .timm, width: width, heads: pool.heads, hiddenWidth: pool.hiddenWidth,
        activation: poolActivation, epsilon: block.epsilon
      ).steps("t", to: "pooled", stage: "pooled")
    } else {
      items += [
        .step(.pick("y", to: "c", .row(0))),
        .step(
          .layerNorm("c", to: "pooled", epsilon: block.epsilon, "trunk.norm", stage: "pooled")),
      ]
    }
    items += timm.head.steps(to: timm.projectionWidth, classifier: "trunk.head")
    return TowerNetwork(
      .pixels(channels: 3, height: timm.imageSize, width: timm.imageSize), items,
      output: timm.head.output)
  }

  /// `eva.py` has the exact one always.
  private var poolActivation: Activation {
    timm.name.hasPrefix("vit_") && !timm.name.hasPrefix("vit_pe_") ? block.activation : .gelu
  }

  /// From pixels to `patches`.
  private var stem: [TowerNetwork.Item] {
    guard !stemWidths.isEmpty else {
      return [
        .step(
          .patches(
            to: "patches", width: block.width, edge: patches[0], "trunk.patch_embed.proj",
            hasBias: hasPatchBias))
      ]
    }
    var items: [TowerNetwork.Item] = []
    var value = "pixels"
    for (index, edge) in patches.enumerated() {
      let module = "trunk.patch_embed.backbone.\(index)"
      let isLast = index == stemWidths.count
      let made = isLast ? "patches" : "s\(index)"
      let pair = Operation.Pair(edge, edge)
      items.append(
        .step(
          Step(
            .conv2d(
              Operation.Convolution(
                width: isLast ? block.width : stemWidths[index], kernel: pair, stride: pair,
                weight: module + ".conv.weight", bias: isLast ? module + ".conv.bias" : nil)),
            [value], to: made)))
      value = made
      if !isLast {
        items.append(
          .step(
            .batchNorm(made, module + ".bn", to: "n\(index)", epsilon: 1e-5, activation: .gelu)))
        value = "n\(index)"
      }
    }
    return items
  }

  /// From `patches` to `x`, or to `placed` where a norm follows.
  private var tokens: [Step] {
    let last = hasPreNorm ? "placed" : "x"
    let stage = hasPreNorm ? nil : "embeddings"
    let places = edge * edge + (placesClassToken ? 1 : 0)
    func place(_ x: String, to output: String, stage: String?) -> Step {
      .position(x, to: output, rows: places, "trunk.pos_embed", stage: stage)
    }
    guard hasClassToken else { return [place("patches", to: last, stage: stage)] }
    let token = Step.parameter(to: "class", width: block.width, "trunk.cls_token")
    guard placesClassToken else {
      return [
        place("patches", to: "there", stage: nil), token,
        Step(.concat, ["class", "there"], to: last, stage: stage),
      ]
    }
    return [
      token, Step(.concat, ["class", "patches"], to: "tokens"),
      place("tokens", to: last, stage: stage),
    ]
  }

  private var rounds: TowerNetwork.Rounds {
    let prefix = "trunk.blocks.#."
    guard isPostNorm else { return block.rounds(layers, prefix: prefix) }
    let (names, epsilon, width) = (block.names, block.epsilon, block.width)
    return TowerNetwork.Rounds(
      layers, prefix: prefix, from: "x", to: "y",
      [
        .linear("x", to: "q", width: width, names.query),
        .linear("x", to: "k", width: width, names.key, hasBias: block.hasKeyBias),
        .linear("x", to: "v", width: width, names.value),
        .attention("q", "k", "v", to: "m", heads: block.heads),
        .linear("m", to: "o", width: width, names.output),
        .layerNorm("o", to: "on", epsilon: epsilon, names.norm1),
        Step(.add(signs: [1, 1]), ["x", "on"], to: "y"),
        .linear(
          "y", to: "h", width: block.hiddenWidth, names.expand, activation: block.activation),
        .linear("h", to: "f", width: width, names.contract),
        .layerNorm("f", to: "fn", epsilon: epsilon, names.norm2),
        Step(.add(signs: [1, 1]), ["y", "fn"], to: "z", stage: "block #"),
      ])
  }

  var locations: [String: TensorLocation] {
    var result: [String: TensorLocation] = [:]
    let projections = ["q_proj", "k_proj", "v_proj"]
    for layer in 0..<layers where attention != .separate {
      let module = "trunk.blocks.\(layer).attn."
      result.stack(projections, of: module) { "qkv.\($0)" }
      if attention == .stackedWithoutKeyBias {
        result[module + "q_proj.bias"] = TensorLocation(module + "q_bias")
        result[module + "v_proj.bias"] = TensorLocation(module + "v_bias")
      }
    }
    if pool != nil { result.stack(["k", "v"], of: "trunk.attn_pool.") { "kv.\($0)" } }
    result.add(ones: (1, 0), to: ["trunk.pos_embed"])
    result.add(ones: (2, 0), to: ["trunk.cls_token", "trunk.attn_pool.latent"])
    return result
  }

  var constants: [String: [Float]] {
    guard let rotation else { return [:] }
    let tables = rotation.values
    return ["trunk.rope.cosines": tables.cosines, "trunk.rope.sines": tables.sines]
  }
}

extension AttentionPool.Names {
  /// As timm has them, which stacks key and value.
  static let timm: Self = {
    let pool = "trunk.attn_pool."
    return Self(
      probe: pool + "latent", query: pool + "q", key: pool + "k", value: pool + "v",
      output: pool + "proj", norm: pool + "norm", expand: pool + "mlp.fc1",
      contract: pool + "mlp.fc2")
  }()
}
