/// CLIP as OpenAI published it: a vision transformer and a causal text transformer, both with
/// LayerNorm before each half of a block, projected into one space.
///
/// Source: `models/clip/modeling_clip.py` of transformers 5.23.
extension CLIPConfiguration {
  public var network: Network {
    Network(
      image: image.map { $0.network(hasProjection ? projectionWidth : nil) },
      text: text.map { $0.network(hasProjection ? projectionWidth : nil) },
      scores: image == nil || text == nil
        ? nil : Network.Scores(.softmax, scale: Names.logitScale))
  }
}

extension CLIPConfiguration.Image {
  func network(_ projectionWidth: Int?) -> TowerNetwork {
    let (width, epsilon) = (transformer.width, transformer.layerNormEpsilon)
    return TowerNetwork(
      .pixels(channels: channels, height: imageSize, width: imageSize),
      [
        .step(.parameter(to: "class", width: width, Names.classEmbedding)),
        .step(
          .patches(
            to: "patches", width: width, edge: patchSize, Names.patchModule, hasBias: false)),
        .step(Step(.concat, ["class", "patches"], to: "tokens")),
        .step(.position("tokens", to: "placed", rows: positions, Names.imagePositions)),
        .step(
          .layerNorm(
            "placed", to: "x", epsilon: epsilon, Names.imagePreNorm, stage: "embeddings")),
        .rounds(transformer.rounds("vision_model", isCausal: false)),
        .step(.pick("y", to: "c", .row(0))),
        .step(
          .layerNorm("c", to: "pooled", epsilon: epsilon, Names.imagePostNorm, stage: "pooled")),
      ] + projection(to: projectionWidth, Names.imageProjection),
      output: projectionWidth == nil ? "pooled" : "e")
  }
}

extension CLIPConfiguration.Text {
  fileprivate func network(_ projectionWidth: Int?) -> TowerNetwork {
    let (width, epsilon) = (transformer.width, transformer.layerNormEpsilon)
    return TowerNetwork(
      .ids(least: 1, most: positions),
      [
        .step(.lookup(to: "tokens", rows: vocabularySize, width: width, Names.tokenTable)),
        .step(
          .position(
            "tokens", to: "x", rows: positions, Names.textPositions, stage: "embeddings")),
        .rounds(transformer.rounds("text_model", isCausal: true)),
        .step(.pick("y", ids: "ids", to: "c", pooling.pick)),
        .step(
          .layerNorm("c", to: "pooled", epsilon: epsilon, Names.textFinalNorm, stage: "pooled")),
      ] + projection(to: projectionWidth, Names.textProjection),
      output: projectionWidth == nil ? "pooled" : "e")
  }
}

extension CLIPConfiguration.Pooling {
  var pick: Operation.Pick {
    switch self {
    case .largestID: .largest
    case .first(let id): .token(id)
    }
  }
}

extension CLIPConfiguration.Activation {
  var activation: Activation {
    switch self {
    case .quickGELU: .quickGELU
    case .gelu: .gelu
    }
  }
}

/// From the pooled row to the shared space, without a bias; nothing where there is no such space.
private func projection(to width: Int?, _ weight: String) -> [TowerNetwork.Item] {
  guard let width else { return [] }
  let linear = Operation.linear(width: width, weight: weight, bias: nil)
  return [.step(Step(linear, ["pooled"], to: "e", stage: "projected"))]
}

extension CLIPConfiguration.Transformer {
  /// The residual blocks, from `x` to `y`.
  fileprivate func rounds(_ model: String, isCausal: Bool) -> TowerNetwork.Rounds {
    PreNormBlock(
      names: .transformers, width: width, heads: heads, hiddenWidth: hiddenWidth,
      activation: activation.activation, epsilon: layerNormEpsilon, isCausal: isCausal
    ).rounds(layers, prefix: "\(model).encoder.layers.#.")
  }
}
