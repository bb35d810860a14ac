/// A residual block with LayerNorm before each half: attention, then a multilayer perceptron.
///
/// Most transformers of vision and language are stacks of it; families differ by the names of its
/// tensors, and by what the optional members add.
struct PreNormBlock {
  /// The modules of a block, below the prefix of its round.
  struct Names {
    var norm1, query, key, value, output: String
    var norm2, expand, contract: String
    /// Of the factors that scale each half's result before it is added: LayerScale.
    var scale1 = "", scale2 = ""
  }

  var names: Names
  var width: Int
  var heads: Int
  /// The width between the two matrices of the multilayer perceptron.
  var hiddenWidth: Int
  var activation: Activation
  var epsilon: Float
  var isCausal = false
  /// The value that says which rows are keys.
  var mask: String?
  var hasLayerScale = false
  /// Whether keys have a bias, as queries and values do.
  var hasKeyBias = true
  /// The values that queries and keys are rotated by: cosines, sines; and how many rows are not.
  var rotation: (cosines: String, sines: String, skip: Int)?
  /// LayerNorm between attention and its output matrix.
  var attentionNorm: String?
  /// A second matrix whose result multiplies the activated one of the first.
  var gate: String?
  /// LayerNorm of the multilayer perceptron's own, behind the one before it.
  var innerNorm: String?
  /// LayerNorm between the matrices of the multilayer perceptron.
  var hiddenNorm: String?

  /// So many of them, from `x` to `y`.
  func rounds(_ count: Int, prefix: String) -> TowerNetwork.Rounds {
    TowerNetwork.Rounds(count, prefix: prefix, from: "x", to: "y", attention + perceptron)
  }

  /// From `x` to `y`.
  private var attention: [Step] {
    var steps: [Step] = [
      .layerNorm("x", to: "n", epsilon: epsilon, names.norm1),
      .linear("n", to: "q", width: width, names.query),
      .linear("n", to: "k", width: width, names.key, hasBias: hasKeyBias),
      .linear("n", to: "v", width: width, names.value),
    ]
    var (query, key, mixed) = ("q", "k", "m")
    if let rotation {
      for (value, rotated) in [("q", "qr"), ("k", "kr")] {
        steps.append(
          Step(
            .rotate(heads: heads, .adjacent, skip: rotation.skip),
            [value, rotation.cosines, rotation.sines], to: rotated))
      }
      (query, key) = ("qr", "kr")
    }
    steps.append(
      .attention(query, key, "v", mask: mask, to: "m", heads: heads, isCausal: isCausal))
    if let attentionNorm {
      steps.append(.layerNorm("m", to: "mn", epsilon: epsilon, attentionNorm))
      mixed = "mn"
    }
    return steps + residual(mixed, names.output, names.scale1, unscaled: "o", to: "y", add: "x")
  }

  /// From `y` to `z`.
  private var perceptron: [Step] {
    var steps: [Step] = [
      .layerNorm("y", to: "p", epsilon: epsilon, names.norm2)
    ]
    var (normal, hidden) = ("p", "h")
    if let innerNorm {
      steps.append(.layerNorm("p", to: "pn", epsilon: epsilon, innerNorm))
      normal = "pn"
    }
    if let gate {
      steps += [
        .linear(normal, to: "g", width: hiddenWidth, names.expand, activation: activation),
        .linear(normal, to: "u", width: hiddenWidth, gate),
        Step(.multiply, ["g", "u"], to: "h"),
      ]
    } else {
      steps.append(
        .linear(normal, to: "h", width: hiddenWidth, names.expand, activation: activation))
    }
    if let hiddenNorm {
      steps.append(.layerNorm("h", to: "hn", epsilon: epsilon, hiddenNorm))
      hidden = "hn"
    }
    return steps
      + residual(
        hidden, names.contract, names.scale2, unscaled: "f", to: "z", add: "y", stage: "block #")
  }

  private func residual(
    _ x: String, _ module: String, _ scale: String, unscaled: String, to output: String,
    add addend: String, stage: String? = nil
  ) -> [Step] {
    guard hasLayerScale else {
      return [.linear(x, to: output, width: width, module, add: addend, stage: stage)]
    }
    return [
      .linear(x, to: unscaled, width: width, module),
      Step(.scale(weight: scale), [unscaled], to: output, add: addend, stage: stage),
    ]
  }
}

extension PreNormBlock.Names {
  /// As transformers has them in CLIP and SigLIP.
  static let transformers = Self(
    norm1: "layer_norm1", query: "self_attn.q_proj", key: "self_attn.k_proj",
    value: "self_attn.v_proj", output: "self_attn.out_proj", norm2: "layer_norm2",
    expand: "mlp.fc1", contract: "mlp.fc2")

  /// As open_clip has them, which stacks query, key and value.
  static let openCLIP = Self(
    norm1: "ln_1", query: "attn.q_proj", key: "attn.k_proj", value: "attn.v_proj",
    output: "attn.out_proj", norm2: "ln_2", expand: "mlp.c_fc", contract: "mlp.c_proj",
    scale1: "ls_1.gamma", scale2: "ls_2.gamma")
}
