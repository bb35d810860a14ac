internal import Kernels

/// What goes into a linear layer, coded when the first layer asks for it; the others that take the
/// same input share the codes.
struct LayerInput {
  private(set) var width = 0
  private var bytes = ByteRows()
  private var halves = HalfRows()
  private var hasBytes = false
  private var hasHalves = false

  /// Says that there is a new input, of rows of so many elements.
  mutating func take(_ width: Int) {
    self.width = width
    hasBytes = false
    hasHalves = false
  }

  /// output = activation(x · weightsᵀ + bias), or that added to what output holds, computed in
  /// `compute` where the weights allow it and in bfloat16 where they are not coded for integers.
  ///
  /// - Parameters:
  ///   - x: `[rows, width]`, the same since `take`.
  ///   - output: `[rows, weights.rows]`.
  mutating func multiply(
    _ x: [Float], _ weights: borrowing MatrixSpan, bias: Span<Float>? = nil,
    activation: Kernels.Activation = .none, accumulating: Bool = false,
    into output: inout MutableSpan<Float>, in compute: Compute, on pool: WorkerPool
  ) {
    switch compute {
    case .f32:
      linear(
        x.span, weights, bias: bias, activation: activation, accumulating: accumulating,
        into: &output, on: pool)
    case .int8 where weights.isCoded:
      linear(
        bytes(of: x, on: pool), weights, bias: bias, activation: activation,
        accumulating: accumulating, into: &output, on: pool)
    case .bf16, .int8:
      linear(
        halves(of: x, on: pool), weights, bias: bias, activation: activation,
        accumulating: accumulating, into: &output, on: pool)
    }
  }

  /// The input in bytes.
  ///
  /// - Parameter x: `[rows, width]`, the same since `take`.
  private mutating func bytes(of x: [Float], on pool: WorkerPool) -> ByteRows {
    if !hasBytes { bytes.code(x.span, width: width, on: pool) }
    hasBytes = true
    return bytes
  }

  /// The input in bfloat16.
  ///
  /// - Parameter x: `[rows, width]`, the same since `take`.
  private mutating func halves(of x: [Float], on pool: WorkerPool) -> HalfRows {
    if !hasHalves { halves.code(x.span, width: width, on: pool) }
    hasHalves = true
    return halves
  }
}
