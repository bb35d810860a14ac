internal import CKernels

extension MatrixSpan {
  /// Whether a layer of these weights can be computed in integers.
  public var isCoded: Bool { type == .codes && columns <= ByteRows.widest }
}

/// A linear layer of coded weights and coded activations:
/// `output = activation(x · weightsᵀ + bias)`, the products summed exactly.
///
/// Each result depends on its row and its column alone, so it has the same bits for any number of
/// threads, and the same sum of codes on every instruction set.
///
/// - Parameters:
///   - weights: `[n, k]`, coded.
///   - bias: `[n]`, or `nil` for none.
///   - accumulating: whether the result is added to what `output` holds. No activation then.
///   - output: `[x.rows, n]`.
/// - Precondition: the shapes fit, and `weights.isCoded`.
public func linear(
  _ x: borrowing ByteRows, _ weights: borrowing MatrixSpan, bias: Span<Float>? = nil,
  activation: Activation = .none, accumulating: Bool = false,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  let (m, n, k) = (x.rows, weights.rows, weights.columns)
  precondition(weights.isCoded, "weights \(n)×\(k) are not coded")
  precondition(
    x.width == k && output.count == m * n,
    "\(m)×\(x.width) inputs and \(output.count) outputs for weights \(n)×\(k)")
  precondition(!accumulating || activation == .none, "an activation of a sum with a residual")
  guard m > 0, n > 0 else { return }
  let bias = if let bias { bias } else { Span<Float>() }
  precondition(bias.isEmpty || bias.count == n, "\(bias.count) biases for \(n) outputs")
  let stride = x.stride
  unsafe x.codes.withUnsafeBufferPointer { codes in
    unsafe x.scales.withUnsafeBufferPointer { scales in
      unsafe x.zeros.withUnsafeBufferPointer { zeros in
        unsafe weights.elements.withUnsafeBytes { elements in
          unsafe weights.steps.withUnsafeBufferPointer { steps in
            unsafe bias.withUnsafeBufferPointer { bias in
              unsafe output.withUnsafeMutableBufferPointer { output in
                let layer = unsafe ByteLayer(
                  m: m, n: n, k: k, stride: stride, codes: codes.baseAddress!,
                  scales: scales.baseAddress!, zeros: zeros.baseAddress!,
                  weights: elements.baseAddress!.assumingMemoryBound(to: Int8.self),
                  steps: steps.baseAddress!, bias: bias.baseAddress, output: output.baseAddress!,
                  activation: activation, accumulating: accumulating, threads: pool.threads,
                  isa: isa)
                pool.run(layer.panels) { panel in layer.run(panel) }
              }
            }
          }
        }
      }
    }
  }
}

/// One linear layer in integers, cut into panels of weights.
@safe private struct ByteLayer: @unchecked Sendable {
  let m: Int
  let n: Int
  let k: Int
  let stride: Int
  let codes: UnsafePointer<UInt8>
  let scales: UnsafePointer<Float>
  let zeros: UnsafePointer<Int32>
  let weights: UnsafePointer<Int8>
  let steps: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let activation: Activation
  let accumulating: Bool
  let threads: Int
  let isa: InstructionSet

  /// Rows of weights in one panel: at most what stays in the second cache with a block of
  /// activations, and few enough that every thread has several.
  var width: Int {
    let share = n / (4 * threads) / 16 * 16
    return max(16, min(64, share))
  }

  /// Rows of activations in one block: 256 kB, and sums that the first cache holds.
  var height: Int { max(16, min(112, 262_144 / stride / 4 * 4)) }

  var panels: Int { (n + width - 1) / width }

  func run(_ panel: Int) {
    let first = panel * width
    let count = min(width, n - first)
    let height = min(height, m)
    unsafe Scratch.withFloats((height + 1) * count) { scratch in
      unsafe scratch.withMemoryRebound(to: Int32.self, capacity: (height + 1) * count) { sums in
        let rowSums = unsafe sums + height * count
        for row in Swift.stride(from: 0, to: m, by: height) {
          let rows = min(height, m - row)
          unsafe ck_dot_rows_u8_s8(
            sums, count, rowSums, codes + row * stride, stride, weights + first * k, rows, count,
            k, isa.c)
          let scaling = unsafe CKScaling(
            scales: scales + row, zeros: zeros + row, steps: steps + first, row_sums: rowSums,
            bias: bias.map { unsafe $0 + first })
          unsafe ck_scale_sums_f32(
            output + row * n + first, n, sums, count, scaling, rows, count, activation.c,
            accumulating, isa.c)
        }
      }
    }
  }
}
