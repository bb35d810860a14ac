internal import Bytes
internal import SystemPackage

/// What `adapter_config.json` of PEFT says of a LoRA adapter for linear layers.
///
/// Source: src/peft/tuners/lora/config.py of huggingface/peft at 0.18; its field names are used.
struct AdapterConfiguration {
  static let fileName = "adapter_config.json"

  /// `lora_alpha`, and where layers have one of their own.
  private let alpha: Double
  private let alphaPattern: [String: Double]
  private let rank: Int
  private let rankPattern: [String: Double]
  /// Whether the scale is alpha / √r instead of alpha / r.
  private let isRankStabilised: Bool
  /// `base_model_name_or_path`.
  let base: String?

  init(_ folder: FilePath) throws(CheckpointError) {
    let path = folder.appending(Self.fileName)
    let json = try JSON(contentsOf: path)
    do throws(FormatError) { try self.init(json) } catch { throw .refused(path, error) }
  }

  init(_ json: JSON) throws(FormatError) {
    guard let object = json.object, json["peft_type"]?.string == "LORA" else {
      throw FormatError(
        .unsupported, "peft_type is \(json["peft_type"]?.excerpt ?? "missing"), \"LORA\" is merged")
    }
    for key in object.keys where !Self.known.contains(key) {
      guard let value = object[key], Self.isOff(value, key) else {
        throw FormatError(
          .unsupported,
          "\(key) is \(object[key]?.excerpt ?? "null"), which is not merged here; merge the "
            + "adapter "
            + "in PEFT (merge_and_unload) and convert the result")
      }
    }
    guard let rank = json["r"]?.int, rank > 0, let alpha = json["lora_alpha"]?.double,
      alpha.isFinite
    else {
      throw FormatError(
        .invalidField,
        "r is \(json["r"]?.excerpt ?? "missing") and lora_alpha "
          + "\(json["lora_alpha"]?.excerpt ?? "missing"), "
          + "a whole number above 0 and a number are required")
    }
    (self.rank, self.alpha) = (rank, alpha)
    isRankStabilised = json["use_rslora"]?.bool ?? false
    rankPattern = try Self.pattern(json["rank_pattern"], "rank_pattern")
    alphaPattern = try Self.pattern(json["alpha_pattern"], "alpha_pattern")
    base = json["base_model_name_or_path"]?.string
  }

  /// Keys that are read here, or that say how the adapter was trained or where it lies: its tensors
  /// show which layers it changes.
  private static let known: Set<String> = [
    "peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern",
    "base_model_name_or_path", "auto_mapping", "revision", "task_type", "inference_mode",
    "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "lora_dropout",
    "megatron_config", "megatron_core", "peft_version", "ensure_weight_tying", "eva_config",
    "qalora_group_size",
  ]

  /// Whether a switch is off, so that it changes nothing.
  private static func isOff(_ value: JSON, _ key: String) -> Bool {
    switch (key, value.string) {
    case ("bias", "none"?): return true
    // How the matrices began, where that leaves the base as it was.
    case ("init_lora_weights", "gaussian"?), ("init_lora_weights", "orthogonal"?),
      ("init_lora_weights", "eva"?):
      return true
    case ("init_lora_weights", nil) where value.bool != nil: return true
    default:
      return value == .null || value.bool == false || value.array?.isEmpty == true
        || value.object.map { $0.keys.isEmpty } == true
    }
  }

  private static func pattern(
    _ json: JSON?, _ field: String
  ) throws(FormatError) -> [String: Double] {
    guard let json, json != .null else { return [:] }
    var pattern: [String: Double] = [:]
    for key in json.object?.keys ?? [] {
      let isPlain = key.utf8.allSatisfy {
        $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
          || Character(Unicode.Scalar($0)).isLetter || Character(Unicode.Scalar($0)).isNumber
      }
      guard isPlain, !key.isEmpty, let value = json[key]?.double, value > 0, value.isFinite else {
        throw FormatError(
          .unsupported,
          "\(field) says \(json[key]?.excerpt ?? "null") for \(JSON.quoted(key)); numbers above "
            + "0 for "
            + "names without wildcards are read")
      }
      pattern[key] = value
    }
    return pattern
  }

  /// What B·A of a layer is multiplied with.
  ///
  /// - Throws: where the layer's matrices have another rank than the configuration says.
  func scale(of layer: String, rank found: Int) throws(FormatError) -> Double {
    let rank = Self.value(rankPattern, for: layer) ?? Double(rank)
    guard rank == Double(found) else {
      throw FormatError(
        .inconsistent, "has rank \(found), r is \(rank) in \(Self.fileName)",
        tensor: layer + ".lora_A.weight")
    }
    let alpha = Self.value(alphaPattern, for: layer) ?? alpha
    return alpha / (isRankStabilised ? rank.squareRoot() : rank)
  }

  /// Of a layer's name or an ending of it.
  private static func value(_ pattern: [String: Double], for layer: String) -> Double? {
    pattern.first { layer == $0.key || layer.hasSuffix("." + $0.key) }?.value
  }

  /// What to do with an adapter that was given in place of a model.
  static func guidance(for folder: FilePath) -> String {
    let json = try? JSON(contentsOf: folder.appending(fileName))
    let base = json?["base_model_name_or_path"]?.string.map { " (\(JSON.quoted($0)))" } ?? ""
    return "holds an adapter (PEFT) and no model; convert the model that it was trained "
      + "for\(base), "
      + "and give this as its adapter"
  }
}
