internal import CKernels
public import Concurrency

extension Reproducible {
  /// `output = x · weightsᵀ + bias`.
  ///
  /// - Parameters:
  ///   - x: `[m, k]`, row-major.
  ///   - weights: `[n, k]`.
  ///   - bias: `[n]`, or `nil` for none.
  ///   - output: `[m, n]`; what it holds is replaced.
  /// - Precondition: the shapes fit.
  public static func linear(
    _ x: Span<Float>, _ weights: borrowing MatrixSpan, bias: Span<Float>? = nil,
    into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
  ) {
    let (n, k) = (weights.rows, weights.columns)
    precondition(n > 0 && k > 0, "weights \(n)×\(k)")
    let m = x.count / k
    precondition(
      x.count == m * k && output.count == m * n,
      "\(x.count) inputs and \(output.count) outputs for weights \(n)×\(k)")
    let bias = if let bias { bias } else { Span<Float>() }
    precondition(bias.isEmpty || bias.count == n, "\(bias.count) biases for \(n) outputs")
    guard m > 0 else { return }
    unsafe x.withUnsafeBufferPointer { x in
      unsafe bias.withUnsafeBufferPointer { bias in
        unsafe output.withUnsafeMutableBufferPointer { output in
          nonisolated(unsafe) let (x, bias, output) = unsafe (x.baseAddress!, bias, output)
          unsafe forEachPanel(of: weights, pool) { panel, floats in
            let corner = unsafe output.baseAddress! + panel.lowerBound
            for row in 0..<m {
              let start = unsafe corner + row * n
              if unsafe bias.isEmpty {
                unsafe start.update(repeating: 0, count: panel.count)
              } else {
                unsafe start.update(
                  from: bias.baseAddress! + panel.lowerBound, count: panel.count)
              }
            }
            unsafe addProduct(
              Matrix(x, k), Matrix(floats, k).transposed, to: corner, outStride: n,
              m, panel.count, k, isa)
          }
        }
      }
    }
  }

  /// The gradient with respect to the input of a linear layer from that with respect to its output:
  /// `inputGradient += gradient · weights`.
  ///
  /// - Parameters:
  ///   - gradient: `[m, n]`, row-major.
  ///   - weights: `[n, k]`.
  ///   - inputGradient: `[m, k]`.
  /// - Precondition: the shapes fit.
  public static func linearGradient(
    _ gradient: Span<Float>, _ weights: borrowing MatrixSpan,
    addingTo inputGradient: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    let (n, k) = (weights.rows, weights.columns)
    precondition(n > 0 && k > 0, "weights \(n)×\(k)")
    let m = gradient.count / n
    precondition(
      gradient.count == m * n && inputGradient.count == m * k,
      "\(gradient.count) and \(inputGradient.count) floats for weights \(n)×\(k)")
    guard m > 0 else { return }
    unsafe gradient.withUnsafeBufferPointer { gradient in
      unsafe inputGradient.withUnsafeMutableBufferPointer { output in
        nonisolated(unsafe) let gradient = gradient.baseAddress!
        nonisolated(unsafe) let output = output.baseAddress!
        unsafe withFloats(of: weights) { floats in
          nonisolated(unsafe) let floats = unsafe floats
          pool.run((k + width - 1) / width) { index in
            let first = index * width
            unsafe addProduct(
              Matrix(gradient, n), Matrix(floats + first, k), to: output + first, outStride: k,
              m, min(width, k - first), n)
          }
        }
      }
    }
  }

  /// Columns of a result in one share of the work: what results are does not depend on it.
  private static let width = 96

  /// All of a matrix as floats.
  private static func withFloats(
    of weights: borrowing MatrixSpan, _ body: (UnsafePointer<Float>) -> Void
  ) {
    let (rows, columns) = (weights.rows, weights.columns)
    unsafe weights.elements.withUnsafeBytes { elements in
      unsafe weights.steps.withUnsafeBufferPointer { steps in
        let matrix = unsafe MatrixPointer(weights, elements.baseAddress!, steps.baseAddress)
        if let floats = unsafe matrix.inPlace(from: 0) { return unsafe body(floats) }
        unsafe Scratch.withFloats(rows * columns) { floats in
          unsafe matrix.copy(0..<rows, into: floats, .widest)
          unsafe body(floats)
        }
      }
    }
  }

  /// Some rows of a matrix at a time, as floats, shared out among threads.
  private static func forEachPanel(
    of weights: borrowing MatrixSpan, _ pool: WorkerPool,
    _ body: @Sendable (Range<Int>, UnsafePointer<Float>) -> Void
  ) {
    let (rows, columns) = (weights.rows, weights.columns)
    unsafe weights.elements.withUnsafeBytes { elements in
      unsafe weights.steps.withUnsafeBufferPointer { steps in
        let matrix = unsafe MatrixPointer(weights, elements.baseAddress!, steps.baseAddress)
        pool.run((rows + width - 1) / width) { index in
          let panel = index * width..<min((index + 1) * width, rows)
          if let floats = unsafe matrix.inPlace(from: panel.lowerBound) {
            return unsafe body(panel, floats)
          }
          unsafe Scratch.withFloats(panel.count * columns) { floats in
            unsafe matrix.copy(panel, into: floats, .widest)
            unsafe body(panel, floats)
          }
        }
      }
    }
  }
}
