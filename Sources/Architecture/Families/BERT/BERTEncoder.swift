internal import Bytes

/// A text encoder of BERT's kind: LayerNorm behind each half of a block, attention in both
/// directions, padding hidden by a mask.
///
/// Source: `models/bert/modeling_bert.py`, `models/xlm_roberta/modeling_xlm_roberta.py` and
/// `models/distilbert/modeling_distilbert.py` of transformers 5.24.
struct BERTEncoder: Equatable, Sendable {
  var width: Int
  var layers: Int
  /// Divides `width`.
  var heads: Int
  var hiddenWidth: Int
  var activation: Activation
  var layerNormEpsilon: Float
  var vocabularySize: Int
  /// Rows of the table of positions.
  var positions: Int
  /// Rows of the table of segments, of which texts are the first; DistilBERT has none.
  var types: Int
  /// The id that is hidden.
  var padding: Int
  var placing: Placing
  /// The longest text, where fewer tokens are read than there are positions for.
  var limit: Int?

  /// Which position a token has.
  enum Placing: Sendable {
    /// BERT's: counted from 0.
    case fromStart
    /// RoBERTa's: counted from `padding + 1`, and over visible tokens alone.
    case afterPadding
  }

  /// The longest text, start and end token included.
  var most: Int {
    let room = placing == .fromStart ? positions : positions - padding - 1
    return limit.map { min($0, room) } ?? room
  }
}

extension BERTEncoder {
  /// What a configuration says where it lacks a key.
  struct Defaults {
    var width = 768
    var layers = 12
    var heads = 12
    var hiddenWidth = 3072
    var layerNormEpsilon = 1e-12
    var vocabularySize = 30_522
    var positions = 512
    var types = 2
    var padding = 0

    /// `BertConfig`, `ChineseCLIPTextConfig`
    static let bert = Defaults()
    /// `RobertaConfig`, `XLMRobertaConfig`, `CamembertConfig`
    static let roberta = Defaults(padding: 1)
    /// `AltCLIPTextConfig`
    static let altCLIP = Defaults(
      width: 1024, layers: 24, heads: 16, hiddenWidth: 4096, layerNormEpsilon: 1e-5,
      vocabularySize: 250_002, positions: 514, types: 1, padding: 1)
  }

  /// Reads a configuration in `BertConfig`'s words.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  init(
    _ fields: Fields, _ defaults: Defaults, _ placing: Placing
  ) throws(FormatError) {
    try fields.refuse("position_embedding_type", unless: ["absolute"])
    for key in ["is_decoder", "add_cross_attention"] {
      try fields.refuse(key, unless: [false])
    }
    self.init(
      width: try fields.whole("hidden_size", Limits.width, default: defaults.width),
      layers: try fields.whole("num_hidden_layers", Limits.layers, default: defaults.layers),
      heads: try fields.whole("num_attention_heads", Limits.heads, default: defaults.heads),
      hiddenWidth: try fields.whole(
        "intermediate_size", Limits.hiddenWidth, default: defaults.hiddenWidth),
      activation: try Activation(fields, "hidden_act", default: .gelu),
      layerNormEpsilon: Float(
        try fields.number("layer_norm_eps", Limits.epsilon, default: defaults.layerNormEpsilon)),
      vocabularySize: try fields.whole(
        "vocab_size", Limits.vocabulary, default: defaults.vocabularySize),
      positions: try fields.whole(
        "max_position_embeddings", Limits.positions, default: defaults.positions),
      types: try fields.whole("type_vocab_size", 1...1_024, default: defaults.types),
      padding: try fields.whole("pad_token_id", Limits.tokenID, default: defaults.padding),
      placing: placing)
    try fields.divide("num_attention_heads", heads, "hidden_size", width)
    guard most > 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)max_position_embeddings is \(positions), more than pad_token_id + 1 "
          + "(\(padding + 1)) is needed, after which positions are counted")
    }
  }

  /// The same in `BertConfig`'s words, every value explicit.
  var json: JSON.Object {
    [
      "hidden_size": .integer(width), "intermediate_size": .integer(hiddenWidth),
      "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(heads),
      "hidden_act": .string(activation.transformersName ?? ""),
      "layer_norm_eps": JSON(decimal: layerNormEpsilon), "vocab_size": .integer(vocabularySize),
      "max_position_embeddings": .integer(positions), "type_vocab_size": .integer(types),
      "pad_token_id": .integer(padding),
    ]
  }
}
