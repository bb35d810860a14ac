internal import Bytes
internal import Platform

/// The encoder of NLLB: LayerNorm before each half of a block, sinusoids for positions.
///
/// Source: `models/m2m_100/modeling_m2m_100.py` of transformers 5.24.
struct NLLBEncoder: Equatable, Sendable {
  var width: Int
  var layers: Int
  var heads: Int
  var hiddenWidth: Int
  var vocabularySize: Int
  var padding: Int

  /// Reads a configuration in `M2M100Config`'s words.
  init(_ fields: Fields) throws(FormatError) {
    try fields.refuse("activation_function", unless: ["relu"])
    try fields.refuse("scale_embedding", unless: [true])
    width = try fields.whole("d_model", 4...65_536, default: 1024)
    layers = try fields.whole("encoder_layers", Limits.layers, default: 12)
    heads = try fields.whole("encoder_attention_heads", Limits.heads, default: 16)
    hiddenWidth = try fields.whole("encoder_ffn_dim", Limits.hiddenWidth, default: 4096)
    vocabularySize = try fields.whole("vocab_size", Limits.vocabulary, default: 128_112)
    padding = try fields.whole("pad_token_id", 0...65_536, default: 1)
    try fields.divide("encoder_attention_heads", heads, "d_model", width)
  }

  /// The same in `M2M100Config`'s words, every value explicit.
  var json: JSON.Object {
    [
      "model_type": "m2m_100", "d_model": .integer(width), "encoder_layers": .integer(layers),
      "encoder_attention_heads": .integer(heads), "encoder_ffn_dim": .integer(hiddenWidth),
      "vocab_size": .integer(vocabularySize), "pad_token_id": .integer(padding),
      "scale_embedding": true, "activation_function": "relu",
    ]
  }

  static let positions = "embed_positions.weight"

  /// From `ids` to the mask `seen` and the rows `t`.
  ///
  /// - Parameter most: the longest text.
  func items(_ prefix: String, most: Int) -> [TowerNetwork.Item] {
    let block = PreNormBlock(
      names: PreNormBlock.Names(
        norm1: "self_attn_layer_norm", query: "self_attn.q_proj", key: "self_attn.k_proj",
        value: "self_attn.v_proj", output: "self_attn.out_proj", norm2: "final_layer_norm",
        expand: "fc1", contract: "fc2"),
      width: width, heads: heads, hiddenWidth: hiddenWidth, activation: .relu, epsilon: 1e-5,
      mask: "seen")
    return [
      .step(Step(.mask(hidden: padding, before: 0, after: 0), ["ids"], to: "seen")),
      .step(
        .lookup(
          to: "words", rows: vocabularySize, width: width, scale: Float(width).squareRoot(),
          prefix + "embed_tokens.weight")),
      .step(
        Step(
          .position(
            rows: rows(most), .start(padding + 1), weight: prefix + Self.positions),
          ["words", "seen"], to: "x", stage: "embeddings")),
      .rounds(block.rounds(layers, prefix: prefix + "layers.#.")),
      .step(.layerNorm("y", to: "t", epsilon: 1e-5, prefix + "layer_norm")),
    ]
  }

  private func rows(_ most: Int) -> Int { padding + 1 + most }

  /// The table of positions: sines, then cosines, each in float32 as PyTorch computes them. That of
  /// the padding is zero.
  func sinusoids(most: Int) -> [Float] {
    let half = width / 2
    let step = Float(log(10_000.0) / Double(half - 1))
    let frequencies = (0..<half).map { expf(Float($0) * -step) }
    var table: [Float] = []
    for row in 0..<rows(most) {
      guard row != padding else {
        table += [Float](repeating: 0, count: width)
        continue
      }
      table += frequencies.map { sinf(Float(row) * $0) }
      table += frequencies.map { cosf(Float(row) * $0) }
      if width % 2 == 1 { table.append(0) }
    }
    return table
  }
}
