/// One operation of a network, and where its operands come from.
public struct Step: Equatable, Sendable {
  public var operation: Operation
  /// Names of values, in the order that the operation has them.
  public var inputs: [String]
  /// The name of the value that is made.
  public var output: String
  /// A value of the result's shape, added before the activation.
  public var addend: String?
  public var activation: Activation?
  /// The name under which the value is compared with another implementation's.
  public var stage: String?

  public init(
    _ operation: Operation, _ inputs: [String], to output: String, add addend: String? = nil,
    activation: Activation? = nil, stage: String? = nil
  ) {
    self.operation = operation
    self.inputs = inputs
    self.output = output
    self.addend = addend
    self.activation = activation
    self.stage = stage
  }
}

/// An elementwise function of a step's result.
public enum Activation: String, CaseIterable, Sendable {
  /// x · σ(1.702 x)
  case quickGELU = "quick_gelu"
  /// x · Φ(x), exact, by the error function
  case gelu
  /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
  case tanhGELU = "gelu_tanh"
  /// max(x, 0)
  case relu
  /// x · σ(x)
  case silu
  /// σ(x) = 1 / (1 + e⁻ˣ)
  case sigmoid
  case tanh
}

// Families read like the tables of the papers when each step is one line.
extension Step {
  /// `rows` trained rows; one where `rows` is `nil`.
  public static func parameter(
    to output: String, rows: Int? = nil, width: Int, _ weight: String
  ) -> Step {
    Step(.parameter(rows: rows, width: width, weight: weight), [], to: output)
  }

  /// The rows of a table that the ids name.
  public static func lookup(
    _ ids: String = "ids", to output: String, rows: Int, width: Int, scale: Float = 1,
    _ weight: String
  ) -> Step {
    Step(.lookup(rows: rows, width: width, scale: scale, weight: weight), [ids], to: output)
  }

  /// Adds row `start + t` of a table to row t.
  public static func position(
    _ x: String, to output: String, rows: Int, start: Int = 0, _ weight: String,
    stage: String? = nil
  ) -> Step {
    Step(
      .position(rows: rows, .start(start), weight: weight), [x], to: output, stage: stage)
  }

  /// LayerNorm with the weight and bias of a module.
  public static func layerNorm(
    _ x: String, to output: String, epsilon: Float, _ module: String, hasBias: Bool = true,
    stage: String? = nil
  ) -> Step {
    Step(
      .layerNorm(
        epsilon: epsilon, weight: module + ".weight", bias: hasBias ? module + ".bias" : nil),
      [x], to: output, stage: stage)
  }

  /// A linear layer with the weight, and the bias unless told otherwise, of a module.
  public static func linear(
    _ x: String, to output: String, width: Int, _ module: String, hasBias: Bool = true,
    add addend: String? = nil, activation: Activation? = nil, stage: String? = nil
  ) -> Step {
    Step(
      .linear(
        width: width, weight: module + ".weight", bias: hasBias ? module + ".bias" : nil),
      [x], to: output, add: addend, activation: activation, stage: stage)
  }

  /// Scaled dot-product attention of several heads.
  public static func attention(
    _ q: String, _ k: String, _ v: String, mask: String? = nil, to output: String, heads: Int,
    isCausal: Bool = false
  ) -> Step {
    Step(
      .attention(heads: heads, isCausal: isCausal), [q, k, v] + (mask.map { [$0] } ?? []),
      to: output)
  }

  /// One row.
  public static func pick(
    _ x: String, ids: String? = nil, to output: String, _ row: Operation.Pick
  ) -> Step {
    Step(.pick(row), [x] + (ids.map { [$0] } ?? []), to: output)
  }
}
