/// Source: `models/chinese_clip/modeling_chinese_clip.py`, `models/altclip/modeling_altclip.py` and
/// `models/vision_text_dual_encoder/modeling_vision_text_dual_encoder.py` of transformers 5.24.
extension BERTCLIPConfiguration {
  public var network: Network {
    Network(
      image: image?.network(projectionWidth), text: text?.network(projectionWidth, kind),
      scores: image == nil || text == nil
        ? nil : Network.Scores(.softmax, scale: Names.logitScale))
  }

  /// What the names of the text encoder's tensors begin with.
  static func textPrefix(_ kind: Kind) -> String {
    kind == .altCLIP ? "text_model.roberta." : "text_model."
  }
}

extension BERTCLIPConfiguration.Text {
  fileprivate func network(
    _ projectionWidth: Int, _ kind: BERTCLIPConfiguration.Kind
  ) -> TowerNetwork {
    let spelling: BERTEncoder.Spelling = kind == .altCLIP ? .altRoberta : .bert
    let first = Step.pick("y", to: "c", .row(0))
    var head: [Step]
    switch kind {
    case .chineseCLIP:
      head = [first]
      head[0].stage = "pooled"
      head[0].output = "pooled"
    case .altCLIP:
      head = [
        first,
        .layerNorm("c", to: "d", epsilon: encoder.layerNormEpsilon, "text_model.pre_LN"),
        .linear(
          "d", to: "pooled", width: transformedWidth ?? encoder.width,
          "text_model.transformation", stage: "pooled"),
      ]
    case .pair:
      head = [
        first,
        .linear(
          "c", to: "pooled", width: encoder.width, "text_model.pooler.dense", activation: .tanh,
          stage: "pooled"),
      ]
    }
    head.append(
      .linear(
        "pooled", to: "e", width: projectionWidth, "text_projection", hasBias: false,
        stage: "projected"))
    return TowerNetwork(
      encoder.input,
      encoder.items(BERTCLIPConfiguration.textPrefix(kind), spelling) + head.map { .step($0) },
      output: "e")
  }
}
