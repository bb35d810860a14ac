internal import Bytes

/// Tensors among a model's that change its weights, so that the model without them is another one.
enum UnmergedWeights {
  /// What names contain or end with, and what that shows.
  private static let marks = [
    (".lora_A.", "LoRA"), (".lora_B.", "LoRA"), (".lora_embedding_", "LoRA"),
    (".lora_magnitude_vector", "DoRA"), (".lora_up.", "LoRA"), (".lora_down.", "LoRA"),
    (".hada_w", "LoHa"), (".lokr_", "LoKr"), (".oft_", "OFT"), (".base_layer.", "PEFT"),
    ("lora_te", "LoRA in kohya's names"), (".ia3_", "IA³"), (".vera_lambda", "VeRA"),
  ]

  /// - Throws: `unsupported` naming the first such tensor.
  static func refuse(in names: Set<String>) throws(FormatError) {
    for name in names.sorted() {
      if let (_, kind) = marks.first(where: { name.contains($0.0) }) {
        throw FormatError(
          .unsupported,
          "is part of an adapter (\(kind)) that is not merged; merge it in Python "
            + "(merge_and_unload in "
            + "PEFT) and save again, or, if the file is an adapter alone, convert its base model "
            + "and "
            + "give this as its adapter", tensor: name)
      }
      guard name.hasSuffix(".theta"), names.contains(name.dropLast(5) + "r") else { continue }
      throw FormatError(
        .unsupported,
        "is the direction of a weight whose lengths are \(JSON.quoted(name.dropLast(5) + "r")) "
          + "(GmP); "
          + "save r · theta / |theta| for each row as the layer's weight", tensor: name)
    }
  }
}
