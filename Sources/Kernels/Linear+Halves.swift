internal import CKernels

/// A linear layer in bfloat16: `output = activation(x · weightsᵀ + bias)`, summed in float32.
///
/// Codes of weights are exact in bfloat16, and their steps are applied to the sums; floats and
/// halves of weights are rounded. Each result depends on its row and its column alone, so it has the
/// same bits for any number of threads.
///
/// - Parameters:
///   - weights: `[n, k]`.
///   - bias: `[n]`, or `nil` for none.
///   - accumulating: whether the result is added to what `output` holds. No activation then.
///   - output: `[x.rows, n]`.
/// - Precondition: the shapes fit.
public func linear(
  _ x: borrowing HalfRows, _ weights: borrowing MatrixSpan, bias: Span<Float>? = nil,
  activation: Activation = .none, accumulating: Bool = false,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  let (m, n, k) = (x.rows, weights.rows, weights.columns)
  precondition(
    x.width == k && output.count == m * n,
    "\(m)×\(x.width) inputs and \(output.count) outputs for weights \(n)×\(k)")
  precondition(!accumulating || activation == .none, "an activation of a sum with a residual")
  guard m > 0, n > 0 else { return }
  let bias = if let bias { bias } else { Span<Float>() }
  precondition(bias.isEmpty || bias.count == n, "\(bias.count) biases for \(n) outputs")
  let stride = x.stride
  unsafe x.halves.withUnsafeBufferPointer { halves in
    unsafe weights.elements.withUnsafeBytes { elements in
      unsafe weights.steps.withUnsafeBufferPointer { steps in
        unsafe bias.withUnsafeBufferPointer { bias in
          unsafe output.withUnsafeMutableBufferPointer { output in
            let layer = unsafe HalfLayer(
              m: m, n: n, stride: stride, halves: halves.baseAddress!,
              weights: MatrixPointer(weights, elements.baseAddress!, steps.baseAddress),
              bias: bias.baseAddress, output: output.baseAddress!, activation: activation,
              accumulating: accumulating, threads: pool.threads, isa: isa)
            pool.run(layer.panels) { panel in layer.run(panel) }
          }
        }
      }
    }
  }
}

/// One linear layer in bfloat16, cut into panels of weights.
@safe private struct HalfLayer: @unchecked Sendable {
  let m: Int
  let n: Int
  let stride: Int
  let halves: UnsafePointer<UInt16>
  let weights: MatrixPointer
  let bias: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let activation: Activation
  let accumulating: Bool
  let threads: Int
  let isa: InstructionSet

  /// Rows of weights in one panel: at most 256 kB, and few enough that every thread has several.
  var width: Int {
    let share = n / (4 * threads) / 16 * 16
    return max(16, min(64, share, 131_072 / stride / 16 * 16))
  }

  /// Rows of activations in one block: 256 kB beside the panel.
  var height: Int { max(16, min(112, 131_072 / stride / 4 * 4)) }

  var panels: Int { (n + width - 1) / width }

  func run(_ panel: Int) {
    let first = panel * width
    let count = min(width, n - first)
    let height = min(height, m)
    let panelFloats = count * stride / 2
    unsafe Scratch.withFloats(panelFloats + height * count) { scratch in
      let sums = unsafe scratch + panelFloats
      unsafe scratch.withMemoryRebound(to: UInt16.self, capacity: 2 * panelFloats) { panel in
        unsafe weights.copyHalves(first..<first + count, into: panel, stride: stride, isa)
        let steps = weights.type == .codes ? unsafe weights.steps.map { unsafe $0 + first } : nil
        for row in Swift.stride(from: 0, to: m, by: height) {
          let rows = min(height, m - row)
          unsafe ck_dot_rows_bf16(
            sums, count, halves + row * stride, panel, rows, count, stride, isa.c)
          unsafe ck_scale_dots_f32(
            output + row * n + first, n, sums, count, steps, bias.map { unsafe $0 + first }, rows,
            count, activation.c, accumulating, isa.c)
        }
      }
    }
  }
}

extension MatrixPointer {
  /// Rows as bfloat16, `stride` elements apart, zeros between them; codes without their steps.
  func copyHalves(
    _ rows: Range<Int>, into output: UnsafeMutablePointer<UInt16>, stride: Int,
    _ isa: InstructionSet
  ) {
    for row in rows {
      let to = unsafe output + (row - rows.lowerBound) * stride
      unsafe (to + columns).update(repeating: 0, count: stride - columns)
      switch type {
      case .codes:
        let codes = unsafe (elements + row * columns).assumingMemoryBound(to: Int8.self)
        unsafe ck_i8_to_bf16(to, codes, columns, isa.c)
      case .bfloat16:
        unsafe UnsafeMutableRawPointer(to).copyMemory(
          from: elements + 2 * row * columns, byteCount: 2 * columns)
      case .float32:
        _ = unsafe ck_f32_to_bf16(to, elements + 4 * row * columns, columns, isa.c)
      case .float16:
        unsafe Scratch.withFloats(columns) { floats in
          unsafe ck_f16_to_f32(floats, elements + 2 * row * columns, columns, isa.c)
          _ = unsafe ck_f32_to_bf16(to, floats, columns, isa.c)
        }
      }
    }
  }
}
