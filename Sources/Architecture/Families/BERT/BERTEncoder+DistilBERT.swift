internal import Bytes

extension BERTEncoder {
  /// Reads a configuration in `DistilBertConfig`'s words.
  init(distilBERT fields: Fields) throws(FormatError) {
    try fields.refuse("sinusoidal_pos_embds", unless: [false])
    self.init(
      width: try fields.whole("dim", Limits.width, default: 768),
      layers: try fields.whole("n_layers", Limits.layers, default: 6),
      heads: try fields.whole("n_heads", Limits.heads, default: 12),
      hiddenWidth: try fields.whole("hidden_dim", Limits.hiddenWidth, default: 3072),
      activation: try Activation(fields, "activation", default: .gelu), layerNormEpsilon: 1e-12,
      vocabularySize: try fields.whole("vocab_size", Limits.vocabulary, default: 30_522),
      positions: try fields.whole("max_position_embeddings", Limits.positions, default: 512),
      types: 0, padding: try fields.whole("pad_token_id", Limits.tokenID, default: 0),
      placing: .fromStart)
    try fields.divide("n_heads", heads, "dim", width)
  }

  /// The same in `DistilBertConfig`'s words, every value explicit.
  var distilBERT: JSON.Object {
    [
      "model_type": "distilbert", "dim": .integer(width), "n_layers": .integer(layers),
      "n_heads": .integer(heads), "hidden_dim": .integer(hiddenWidth),
      "activation": .string(activation.transformersName ?? ""),
      "vocab_size": .integer(vocabularySize), "max_position_embeddings": .integer(positions),
      "pad_token_id": .integer(padding),
    ]
  }
}
