internal import Bytes

/// transformers' names of activations.
extension Activation {
  /// The first of several that mean the same is the one that is written.
  private static let names: [(name: String, activation: Activation)] = [
    ("gelu", .gelu), ("gelu_pytorch_tanh", .tanhGELU), ("gelu_new", .tanhGELU),
    ("quick_gelu", .quickGELU), ("relu", .relu), ("silu", .silu),
  ]

  /// The name that transformers has for it, where it has one.
  var transformersName: String? { Self.names.first { $0.activation == self }?.name }

  /// Reads the activation of a `config.json`.
  init(_ fields: Fields, _ key: String, default missing: Activation) throws(FormatError) {
    guard let json = fields[key] else {
      self = missing
      return
    }
    guard let known = Self.names.first(where: { $0.name == json.string }) else {
      let names = Self.names.map { JSON.quoted($0.name) }.joined(separator: ", ")
      throw fields.error(key, json, "one of \(names) is allowed")
    }
    self = known.activation
  }
}
