internal import CKernels
public import Concurrency

/// What a linear layer's result goes through.
public enum Activation: Sendable, CaseIterable {
  case none
  /// x · σ(1.702 x)
  case quickGELU
  /// x · Φ(x), exact
  case gelu
  /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
  case tanhGELU
  /// max(x, 0)
  case relu
  /// x · σ(x)
  case silu
  case sigmoid
  case tanh

  var c: CKActivation {
    switch self {
    case .none: .none
    case .quickGELU: .quickGELU
    case .gelu: .GELU
    case .tanhGELU: .tanhGELU
    case .relu: .reLU
    case .silu: .siLU
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    }
  }
}

/// A linear layer: `output = activation(x · weightsᵀ + bias)`.
///
/// With AVX-512 and NEON each result depends on its row and its column alone; elsewhere the work is
/// divided into panels of weights that depend on the shapes alone. So the result has the same bits
/// for any number of threads. Weights that are no floats, or do not lie where floats may, are made
/// floats panel by panel.
///
/// - Parameters:
///   - x: `[m, k]`, row-major.
///   - weights: `[n, k]`.
///   - bias: `[n]`, or `nil` for none.
///   - accumulating: whether the result is added to what `output` holds, as a residual connection
///     wants it. There is no activation then.
///   - output: `[m, n]`.
/// - Precondition: the shapes fit: `x.count == m · k` and `output.count == m · n` with one `m`.
public func linear(
  _ x: Span<Float>, _ weights: borrowing MatrixSpan, bias: Span<Float>? = nil,
  activation: Activation = .none, accumulating: Bool = false,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  let (n, k) = (weights.rows, weights.columns)
  let m = n > 0 ? output.count / n : 0
  precondition(
    x.count == m * k && output.count == m * n,
    "\(x.count) inputs and \(output.count) outputs for weights \(n)×\(k)")
  precondition(!accumulating || activation == .none, "an activation of a sum with a residual")
  precondition(k > 0, "weights without columns")
  guard m > 0 else { return }
  let bias = if let bias { bias } else { Span<Float>() }
  precondition(bias.isEmpty || bias.count == n, "\(bias.count) biases for \(n) outputs")
  unsafe x.withUnsafeBufferPointer { x in
    unsafe weights.elements.withUnsafeBytes { elements in
      unsafe weights.steps.withUnsafeBufferPointer { steps in
        unsafe bias.withUnsafeBufferPointer { bias in
          unsafe output.withUnsafeMutableBufferPointer { output in
            let layer = unsafe FloatLayer(
              m: m, n: n, k: k, x: x.baseAddress!,
              weights: MatrixPointer(weights, elements.baseAddress!, steps.baseAddress),
              bias: bias.baseAddress, output: output.baseAddress!, activation: activation,
              accumulating: accumulating, isa: isa)
            layer.run(on: pool)
          }
        }
      }
    }
  }
}
