/// How much the input of a linear layer is felt, from how much its output is:
/// `inputGradient = gradient · weights`.
///
/// - Parameters:
///   - gradient: `[m, n]`, row-major.
///   - weights: `[n, k]`.
///   - accumulating: whether the result is added to what `inputGradient` holds.
///   - inputGradient: `[m, k]`.
/// - Precondition: the shapes fit.
public func linearGradient(
  _ gradient: Span<Float>, _ weights: borrowing MatrixSpan, accumulating: Bool = false,
  into inputGradient: inout MutableSpan<Float>, on pool: WorkerPool
) {
  let (n, k) = (weights.rows, weights.columns)
  precondition(n > 0 && k > 0, "weights \(n)×\(k)")
  let m = gradient.count / n
  precondition(
    gradient.count == m * n && inputGradient.count == m * k,
    "\(gradient.count) and \(inputGradient.count) floats for weights \(n)×\(k)")
  guard m > 0 else { return }
  unsafe gradient.withUnsafeBufferPointer { gradient in
    unsafe weights.elements.withUnsafeBytes { elements in
      unsafe weights.steps.withUnsafeBufferPointer { steps in
        unsafe inputGradient.withUnsafeMutableBufferPointer { output in
          let matrix = unsafe MatrixPointer(weights, elements.baseAddress!, steps.baseAddress)
          if let floats = unsafe matrix.inPlace(from: 0) {
            unsafe multiply(
              gradient.baseAddress!, floats, output.baseAddress!, (m, n, k), accumulating, pool)
          } else {
            unsafe Scratch.withFloats(n * k) { floats in
              unsafe matrix.copy(0..<n, into: floats, .widest)
              unsafe multiply(
                gradient.baseAddress!, floats, output.baseAddress!, (m, n, k), accumulating, pool)
            }
          }
        }
      }
    }
  }
}

private func multiply(
  _ gradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
  _ output: UnsafeMutablePointer<Float>, _ shape: (m: Int, n: Int, k: Int), _ accumulating: Bool,
  _ pool: WorkerPool
) {
  let (m, n, k) = shape
  let width = 128
  nonisolated(unsafe) let gradient = unsafe gradient
  nonisolated(unsafe) let weights = unsafe weights
  nonisolated(unsafe) let output = unsafe output
  pool.run((k + width - 1) / width) { panel in
    let first = panel * width
    unsafe BLAS.product(
      gradient, aStride: n, weights + first, bStride: k, into: output + first, outStride: k,
      m: m, n: min(width, k - first), k: n, accumulating: accumulating)
  }
}
