internal import Concurrency
internal import Kernels

/// What goes into a linear layer, coded when the first layer asks for it; the others that take the
/// same input share the codes.
struct LayerInput {
  private(set) var width = 0
  private var bytes = ByteRows()
  private var halves = HalfRows()
  /// Of the codes that `bytes` holds, 0 where it holds none.
  private var bits = 0
  private var hasHalves = false

  /// Says that there is a new input, of rows of so many elements.
  mutating func take(_ width: Int) {
    self.width = width
    bits = 0
    hasHalves = false
  }

  /// output = activation(x · weightsᵀ + bias), or that added to what output holds, computed as
  /// `Compute` says.
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
    case .int8 where weights.isCoded, .bf16 where weights.isCoded:
      linear(
        bytes(of: x, bits: compute == .int8 ? 8 : 16, on: pool), weights, bias: bias,
        activation: activation, accumulating: accumulating, into: &output, on: pool)
    case .bf16, .int8:
      linear(
        halves(of: x, on: pool), weights, bias: bias, activation: activation,
        accumulating: accumulating, into: &output, on: pool)
    }
  }

  /// The input in codes.
  ///
  /// - Parameter x: `[rows, width]`, the same since `take`.
  private mutating func bytes(of x: [Float], bits: Int, on pool: WorkerPool) -> ByteRows {
    if self.bits != bits { bytes.code(x.span, width: width, bits: bits, on: pool) }
    self.bits = bits
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
