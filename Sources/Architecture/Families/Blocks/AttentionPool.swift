/// Pooling by a learned query that attends to all tokens, and a multilayer perceptron behind it.
struct AttentionPool {
  /// The query's tensor, and the modules.
  struct Names {
    var probe, query, key, value, output, norm, expand, contract: String
  }

  var names: Names
  var width: Int
  var heads: Int
  var hiddenWidth: Int
  var activation: Activation
  var epsilon: Float

  /// From rows to the one row `output`.
  func steps(_ tokens: String, to output: String, stage: String?) -> [TowerNetwork.Item] {
    [
      Step.parameter(to: "probe", width: width, names.probe),
      .linear("probe", to: "hq", width: width, names.query),
      .linear(tokens, to: "hk", width: width, names.key),
      .linear(tokens, to: "hv", width: width, names.value),
      .attention("hq", "hk", "hv", to: "hm", heads: heads),
      .linear("hm", to: "a", width: width, names.output),
      .layerNorm("a", to: "b", epsilon: epsilon, names.norm),
      .linear("b", to: "c", width: hiddenWidth, names.expand, activation: activation),
      .linear("c", to: output, width: width, names.contract, add: "a", stage: stage),
    ].map { .step($0) }
  }
}
