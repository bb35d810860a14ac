internal import CKernels

/// What a linear layer's result goes through.
public enum Activation: Sendable, CaseIterable {
  case none
  /// x · σ(1.702 x)
  case quickGELU
  /// x · Φ(x), exact
  case gelu

  var c: CKActivation {
    switch self {
    case .none: .none
    case .quickGELU: .quickGELU
    case .gelu: .GELU
    }
  }
}

/// A linear layer: `output = activation(x · weightsᵀ + bias)`.
///
/// The work is divided into panels of weights that depend on the shapes alone, so the result has the
/// same bits for any number of threads. Weights that are no floats, or do not lie where floats may,
/// are made floats panel by panel.
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
            let layer = unsafe Layer(
              m: m, n: n, k: k, x: x.baseAddress!,
              weights: MatrixPointer(weights, elements.baseAddress!, steps.baseAddress),
              bias: bias.baseAddress, output: output.baseAddress!, activation: activation,
              accumulating: accumulating, isa: isa)
            pool.run(layer.panels) { panel in layer.run(panel) }
          }
        }
      }
    }
  }
}

/// One linear layer, cut into panels.
@safe private struct Layer: @unchecked Sendable {
  let m: Int
  let n: Int
  let k: Int
  let x: UnsafePointer<Float>
  let weights: MatrixPointer
  let bias: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let activation: Activation
  let accumulating: Bool
  let isa: InstructionSet

  /// Rows of weights in one panel: few enough that a panel of floats stays in a 1 MB cache, and
  /// many enough that reading `x` again for each panel does not count. Beyond 96 a product gains
  /// less than the last panels lose by leaving threads idle.
  var width: Int { min(96, max(16, 131_072 / k / 16 * 16)) }

  /// Rows of `x` in one product: what fits beside the panel.
  var height: Int { 256 }

  var panels: Int { (n + width - 1) / width }

  func run(_ panel: Int) {
    let columns = panel * width..<min((panel + 1) * width, n)
    if let floats = unsafe weights.inPlace(from: columns.lowerBound) {
      unsafe multiply(floats, columns)
    } else {
      unsafe Scratch.withFloats(columns.count * k) { floats in
        unsafe weights.copy(columns, into: floats, isa)
        unsafe multiply(floats, columns)
      }
    }
  }

  private func multiply(_ floats: UnsafePointer<Float>, _ columns: Range<Int>) {
    for row in stride(from: 0, to: m, by: height) {
      let rows = min(height, m - row)
      let corner = unsafe output + row * n + columns.lowerBound
      unsafe BLAS.multiply(
        x + row * k, aStride: k, floats, bStride: k, into: corner, outStride: n,
        m: rows, n: columns.count, k: k, accumulating: accumulating)
      if unsafe bias != nil || activation != .none {
        unsafe ck_bias_activation_f32(
          corner, bias.map { unsafe $0 + columns.lowerBound }, rows, columns.count, n,
          activation.c, isa.c)
      }
    }
  }
}
