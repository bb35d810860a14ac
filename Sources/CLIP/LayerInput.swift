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

  /// The input in bytes.
  ///
  /// - Parameter x: `[rows, width]`, the same since `take`.
  mutating func bytes(of x: [Float], on pool: WorkerPool) -> ByteRows {
    if !hasBytes { bytes.code(x.span, width: width, on: pool) }
    hasBytes = true
    return bytes
  }

  /// The input in bfloat16.
  ///
  /// - Parameter x: `[rows, width]`, the same since `take`.
  mutating func halves(of x: [Float], on pool: WorkerPool) -> HalfRows {
    if !hasHalves { halves.code(x.span, width: width, on: pool) }
    hasHalves = true
    return halves
  }
}
