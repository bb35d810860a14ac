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
    let head = AttentionPool(
      names: .sigLIP, width: width, heads: transformer.heads,
      hiddenWidth: transformer.hiddenWidth, activation: transformer.activation, epsilon: epsilon)
    return TowerNetwork(
      .pixels(channels: channels, height: imageSize, width: imageSize),
      [
        .step(
          .patches(
            to: "patches", width: width, edge: patchSize, embeddings + "patch_embedding",
            hasBias: true)),
        .step(
          .position(
            "patches", to: "x", rows: positions, embeddings + "position_embedding.weight",
            stage: "embeddings")),
        .rounds(transformer.rounds("vision_model")),
        .step(.layerNorm("y", to: "t", epsilon: epsilon, "vision_model.post_layernorm")),
      ] + head.steps("t", to: "e", stage: "pooled"), output: "e")
  }
}

extension AttentionPool.Names {
  fileprivate static let sigLIP: Self = {
    let head = "vision_model.head."
    return Self(
      probe: head + "probe", query: head + "attention.q_proj", key: head + "attention.k_proj",
      value: head + "attention.v_proj", output: head + "attention.out_proj",
      norm: head + "layernorm", expand: head + "mlp.fc1", contract: head + "mlp.fc2")
  }()
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
    PreNormBlock(
      names: .transformers, width: width, heads: heads, hiddenWidth: hiddenWidth,
      activation: activation, epsilon: layerNormEpsilon
    ).rounds(layers, prefix: "\(model).encoder.layers.#.")
  }
}
