extension BERTEncoder {
  /// What a checkpoint calls the parts, behind the encoder's own prefix.
  struct Spelling: Sendable {
    var embeddings = "embeddings."
    var norm = "LayerNorm"
    /// Before the parts of a block; `#` stands for its number.
    var block: String
    var query: String
    var key: String
    var value: String
    var output: String
    var attentionNorm: String
    var expand: String
    var contract: String
    var outputNorm: String

    /// transformers' `BertModel` and what follows it.
    static let bert = Spelling(block: "encoder.layer.#.")
    /// transformers' `AltRobertaModel`, since its fifth release.
    static let altRoberta = Spelling(block: "encoder.layers.#.")
    /// transformers' `DistilBertModel`
    static let distilBERT = Spelling(
      block: "transformer.layer.#.", query: "attention.q_lin", key: "attention.k_lin",
      value: "attention.v_lin", output: "attention.out_lin", attentionNorm: "sa_layer_norm",
      expand: "ffn.lin1", contract: "ffn.lin2", outputNorm: "output_layer_norm")

    init(
      block: String, query: String = "attention.self.query", key: String = "attention.self.key",
      value: String = "attention.self.value", output: String = "attention.output.dense",
      attentionNorm: String = "attention.output.LayerNorm",
      expand: String = "intermediate.dense", contract: String = "output.dense",
      outputNorm: String = "output.LayerNorm"
    ) {
      self.block = block
      self.query = query
      self.key = key
      self.value = value
      self.output = output
      self.attentionNorm = attentionNorm
      self.expand = expand
      self.contract = contract
      self.outputNorm = outputNorm
    }
  }

  /// What the encoder takes.
  var input: TowerNetwork.Input { .ids(least: 1, most: most) }

  /// From `ids` to the mask `seen` and the last block's rows, `y`.
  func items(_ prefix: String, _ spelling: Spelling) -> [TowerNetwork.Item] {
    let embeddings = prefix + spelling.embeddings
    var items: [Step] = [
      Step(.mask(hidden: padding, before: 0, after: 0), ["ids"], to: "seen"),
      .lookup(
        to: "words", rows: vocabularySize, width: width, embeddings + "word_embeddings.weight"),
    ]
    if types > 0 {
      items.append(
        Step(
          .position(
            rows: types, .row(0), weight: embeddings + "token_type_embeddings.weight"),
          ["words"], to: "typed"))
    }
    let start: (Int, [String]) = placing == .fromStart ? (0, []) : (padding + 1, ["seen"])
    items += [
      Step(
        .position(
          rows: positions, .start(start.0), weight: embeddings + "position_embeddings.weight"),
        [types > 0 ? "typed" : "words"] + start.1, to: "placed"),
      .layerNorm(
        "placed", to: "x", epsilon: layerNormEpsilon, embeddings + spelling.norm,
        stage: "embeddings"),
    ]
    return items.map { .step($0) } + [.rounds(rounds(prefix + spelling.block, spelling))]
  }

  /// The blocks, from `x` to `y`.
  private func rounds(_ prefix: String, _ spelling: Spelling) -> TowerNetwork.Rounds {
    TowerNetwork.Rounds(
      layers, prefix: prefix, from: "x", to: "y",
      [
        .linear("x", to: "q", width: width, spelling.query),
        .linear("x", to: "k", width: width, spelling.key),
        .linear("x", to: "v", width: width, spelling.value),
        .attention("q", "k", "v", mask: "seen", to: "m", heads: heads),
        .linear("m", to: "a", width: width, spelling.output, add: "x"),
        .layerNorm("a", to: "b", epsilon: layerNormEpsilon, spelling.attentionNorm),
        .linear(
          "b", to: "h", width: hiddenWidth, spelling.expand, activation: activation),
        .linear("h", to: "c", width: width, spelling.contract, add: "b"),
        .layerNorm(
          "c", to: "z", epsilon: layerNormEpsilon, spelling.outputNorm, stage: "block #"),
      ])
  }
}
