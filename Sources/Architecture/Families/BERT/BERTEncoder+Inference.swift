internal import Bytes

extension BERTEncoder {
  /// What the tensors say of an encoder that no file describes, but for what its kind always has.
  ///
  /// - Parameters:
  ///   - kind: `model_type` in transformers: `bert`, or one of RoBERTa's.
  ///   - prefix: before the encoder's names.
  ///   - guidance: what to do where shapes leave something open.
  init(
    _ kind: String, _ weights: TowerWeights, _ prefix: String, guidance: String
  ) throws(FormatError) {
    func extents(_ name: String) throws(FormatError) -> [Int] {
      if let found = weights.extents(prefix + name, rank: 2) { return found }
      let shape = weights.files.shapes[weights.prefix + prefix + name]
      throw FormatError(
        .inconsistent, "is \(shape.map { "\($0)" } ?? "missing"), 2 extents are needed",
        tensor: weights.prefix + prefix + name)
    }
    let table = try extents("embeddings.word_embeddings.weight")
    guard table[1] > 0, table[1] % 64 == 0 else {
      throw FormatError(
        .unsupported,
        "the text tower is \(table[1]) wide, which leaves its number of heads open; " + guidance,
        tensor: weights.prefix + prefix + "embeddings.word_embeddings.weight")
    }
    let isBERT = kind == "bert"
    let inferred: JSON.Object = [
      "hidden_size": .integer(table[1]), "num_attention_heads": .integer(table[1] / 64),
      "num_hidden_layers": .integer(
        weights.count { prefix + "encoder.layer.\($0).output.dense.weight" }),
      "intermediate_size": .integer(try extents("encoder.layer.0.intermediate.dense.weight")[0]),
      "vocab_size": .integer(table[0]),
      "max_position_embeddings": .integer(
        try extents("embeddings.position_embeddings.weight")[0]),
      "type_vocab_size": .integer(try extents("embeddings.token_type_embeddings.weight")[0]),
      "layer_norm_eps": .number(isBERT ? 1e-12 : 1e-5),
    ]
    // By way of JSON, whose reader checks every range.
    try self.init(kind: kind, Fields(inferred))
  }

  /// Reads a configuration of transformers by its `model_type`.
  init(kind: String, _ fields: Fields) throws(FormatError) {
    switch kind {
    case "bert": try self.init(fields, .bert, .fromStart)
    case "roberta", "xlm-roberta", "camembert": try self.init(fields, .roberta, .afterPadding)
    default:
      throw FormatError(
        .unsupported,
        "\(fields.path)model_type is \(fields["model_type"]?.excerpt ?? "missing"), \"bert\", "
          + "\"roberta\", \"xlm-roberta\" and \"camembert\" are supported")
    }
  }

  /// `model_type` of a published model by its name; `nil` where the name does not tell.
  static func kind(named name: String) -> String? {
    let name = name.lowercased()
    for (part, kind) in [
      ("xlm-r", "xlm-roberta"), ("camembert", "camembert"), ("roberta", "roberta"),
      ("bert", "bert"), ("labse", "bert"),
    ] where name.contains(part) { return kind }
    return nil
  }
}
