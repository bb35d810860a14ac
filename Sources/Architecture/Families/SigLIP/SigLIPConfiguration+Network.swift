/// Source: `models/siglip/modeling_siglip.py` of transformers 5.24.
extension SigLIPConfiguration {
  public var network: Network {
    Network(
      image: image?.network, text: text?.network,
      scores: image == nil || text == nil
        ? nil : Network.Scores(.sigmoid, scale: "logit_scale", bias: "logit_bias"))
  }
}

extension SigLIPConfiguration.Image {
  fileprivate var network: TowerNetwork {
    let (width, epsilon) = (transformer.width, transformer.layerNormEpsilon)
    let embeddings = "vision_model.embeddings."
    let head = "vision_model.head."
    return TowerNetwork(
      .pixels(channels: channels, height: imageSize, width: imageSize),
      [
        .step(
          Step(
            .conv2d(
              Operation.Convolution(
                width: width, kernel: Operation.Pair(patchSize, patchSize),
                stride: Operation.Pair(patchSize, patchSize),
                weight: embeddings + "patch_embedding.weight",
                bias: embeddings + "patch_embedding.bias")), ["pixels"], to: "patches")),
        .step(
          .position(
            "patches", to: "x", rows: positions, embeddings + "position_embedding.weight",
            stage: "embeddings")),
        .rounds(transformer.rounds("vision_model")),
        .step(
          .layerNorm("y", to: "t", epsilon: epsilon, "vision_model.post_layernorm")),
        // A learned query attends to all tokens.
        .step(.parameter(to: "probe", width: width, head + "probe")),
        .step(.linear("probe", to: "hq", width: width, head + "attention.q_proj")),
        .step(.linear("t", to: "hk", width: width, head + "attention.k_proj")),
        .step(.linear("t", to: "hv", width: width, head + "attention.v_proj")),
        .step(.attention("hq", "hk", "hv", to: "hm", heads: transformer.heads)),
        .step(.linear("hm", to: "a", width: width, head + "attention.out_proj")),
        .step(.layerNorm("a", to: "b", epsilon: epsilon, head + "layernorm")),
        .step(
          .linear(
            "b", to: "c", width: transformer.hiddenWidth, head + "mlp.fc1",
            activation: transformer.activation)),
        .step(
          .linear("c", to: "e", width: width, head + "mlp.fc2", add: "a", stage: "pooled")),
      ], output: "e")
  }
}

extension SigLIPConfiguration.Text {
  fileprivate var network: TowerNetwork {
    let (width, epsilon) = (transformer.width, transformer.layerNormEpsilon)
    let embeddings = "text_model.embeddings."
    return TowerNetwork(
      .paddedIDs(count: positions, padding: padding),
      [
        .step(
          .lookup(
            to: "tokens", rows: vocabularySize, width: width,
            embeddings + "token_embedding.weight")),
        .step(
          .position(
            "tokens", to: "x", rows: positions, embeddings + "position_embedding.weight",
            stage: "embeddings")),
        .rounds(transformer.rounds("text_model")),
        .step(.pick("y", to: "c", .last)),
        .step(
          .layerNorm(
            "c", to: "pooled", epsilon: epsilon, "text_model.final_layer_norm",
            stage: "pooled")),
        .step(
          .linear(
            "pooled", to: "e", width: projectionWidth, "text_model.head", stage: "projected")),
      ], output: "e")
  }
}

extension SigLIPConfiguration.Transformer {
  /// The residual blocks, from `x` to `y`.
  fileprivate func rounds(_ model: String) -> TowerNetwork.Rounds {
    TowerNetwork.Rounds(
      layers, prefix: "\(model).encoder.layers.#.", from: "x", to: "y",
      [
        .layerNorm("x", to: "n", epsilon: layerNormEpsilon, "layer_norm1"),
        .linear("n", to: "q", width: width, "self_attn.q_proj"),
        .linear("n", to: "k", width: width, "self_attn.k_proj"),
        .linear("n", to: "v", width: width, "self_attn.v_proj"),
        .attention("q", "k", "v", to: "m", heads: heads),
        .linear("m", to: "y", width: width, "self_attn.out_proj", add: "x"),
        .layerNorm("y", to: "p", epsilon: layerNormEpsilon, "layer_norm2"),
        .linear("p", to: "h", width: hiddenWidth, "mlp.fc1", activation: activation),
        .linear("h", to: "z", width: width, "mlp.fc2", add: "y", stage: "block #"),
      ])
  }
}
