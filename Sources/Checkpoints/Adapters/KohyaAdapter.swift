internal import Bytes
internal import Tensors

/// A LoRA as kohya's trainers name it: `lora_te_` and the layer's name with `_` for each full stop,
/// then `lora_down.weight`, `lora_up.weight` and `alpha`.
///
/// Source: `networks/lora.py` of kohya-ss/sd-scripts.
struct KohyaAdapter {
  /// By the flattened name of a layer.
  private(set) var updates: [String: LowRankUpdate] = [:]
  /// What is another network's, a clause.
  private(set) var leftOut: String?

  /// Before the names of text encoders; SDXL has two.
  private static let encoders = ["lora_te_", "lora_te1_", "lora_te2_"]
  private static let generator = "lora_unet_"
  private static let (down, up, alpha) = (".lora_down.weight", ".lora_up.weight", ".alpha")

  static func isOne(_ file: any TensorFile) -> Bool {
    file.tensors.contains { $0.name.hasSuffix(down) }
  }

  private struct Parts {
    var down: TensorEntry?
    var up: TensorEntry?
    var alpha: TensorEntry?
  }

  /// - Throws: for what is no plain LoRA of one text encoder, by its name.
  init(_ file: any TensorFile) throws(FormatError) {
    var layers: [String: Parts] = [:]
    var generated = 0
    var encoder: String?
    for entry in file.tensors {
      if entry.name.hasPrefix(Self.generator) {
        generated += 1
        continue
      }
      guard let prefix = Self.encoders.first(where: entry.name.hasPrefix),
        let ending = [Self.down, Self.up, Self.alpha].first(where: entry.name.hasSuffix)
      else {
        throw FormatError(
          .unsupported,
          "is no part of a LoRA of a text encoder in kohya's names (lora_te_….lora_down.weight)",
          tensor: entry.name)
      }
      guard encoder == nil || encoder == prefix else {
        throw FormatError(
          .unsupported,
          "belongs to a second text encoder (\(prefix)…), an adapter of one is merged",
          tensor: entry.name)
      }
      encoder = prefix
      let layer = String(entry.name.dropFirst(prefix.count).dropLast(ending.count))
      switch ending {
      case Self.down: layers[layer, default: Parts()].down = entry
      case Self.up: layers[layer, default: Parts()].up = entry
      default: layers[layer, default: Parts()].alpha = entry
      }
    }
    for (layer, parts) in layers.sorted(by: { $0.key < $1.key }) {
      guard let down = parts.down, let up = parts.up else {
        throw FormatError(
          .inconsistent, "is there without its other half, lora_down and lora_up are needed",
          tensor: (parts.down ?? parts.up ?? parts.alpha)?.name)
      }
      updates[layer] = try LowRankUpdate(
        down, up, scale: try Self.scale(parts.alpha, rank: down.shape.extents.first ?? 0, file),
        file)
    }
    guard !updates.isEmpty else {
      throw FormatError(.unsupported, "holds no layer of a text encoder, so there is none to merge")
    }
    if generated > 0 {
      leftOut = "\(generated) tensors of a picture generator (\(Self.generator)…) were left out"
    }
  }

  /// alpha / rank; 1 without an alpha.
  private static func scale(
    _ alpha: TensorEntry?, rank: Int, _ file: any TensorFile
  ) throws(FormatError) -> Double {
    guard let alpha else { return 1 }
    guard alpha.elementType.isWeightType, alpha.shape.count == 1, rank > 0,
      let value = file.tensor(alpha).widened.first, value.isFinite
    else {
      throw FormatError(
        .invalidField,
        "is \(alpha.elementType.rawValue) \(alpha.shape), one finite number is needed",
        tensor: alpha.name)
    }
    return Double(value) / Double(rank)
  }
}
