internal import CKernels
public import Concurrency

extension MatrixSpan {
  /// Whether a layer of these weights can be computed in integers.
  public var isCoded: Bool { type == .codes && columns <= ByteRows.widest }
}

/// A linear layer of coded weights and quantised activations:
/// `output = activation(x · weightsᵀ + bias)`, the products summed exactly.
///
/// Each result depends on its row and its column alone, so it has the same bits for any number of
/// threads, and on every instruction set.
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
  let (planes, stride) = (x.planes, x.stride)
  unsafe x.codes.withUnsafeBufferPointer { codes in
    unsafe x.scales.withUnsafeBufferPointer { scales in
      unsafe x.zeros.withUnsafeBufferPointer { zeros in
        unsafe weights.elements.withUnsafeBytes { elements in
          unsafe weights.steps.withUnsafeBufferPointer { steps in
            unsafe weights.sums.withUnsafeBufferPointer { sums in
              unsafe bias.withUnsafeBufferPointer { bias in
                unsafe output.withUnsafeMutableBufferPointer { output in
                  let layer = unsafe ByteLayer(
                    m: m, n: n, k: k, planes: planes, stride: stride, codes: codes.baseAddress!,
                    scales: scales.baseAddress!, zeros: zeros.baseAddress!,
                    weights: MatrixPointer(weights, elements.baseAddress!, steps.baseAddress),
                    rowSums: sums.baseAddress!, bias: bias.baseAddress,
                    output: output.baseAddress!, activation: activation,
                    accumulating: accumulating, isa: isa)
                  let panels = Panels(rows: n, threads: pool.threads)
                  pool.run(panels.shares) { share in layer.run(panels, share) }
                }
              }
            }
          }
        }
      }
    }
  }
}

/// One linear layer in integers.
@safe private struct ByteLayer: @unchecked Sendable {
  let m: Int
  let n: Int
  let k: Int
  let planes: Int
  let stride: Int
  let codes: UnsafePointer<UInt8>
  let scales: UnsafePointer<Float>
  let zeros: UnsafePointer<Int32>
  let weights: MatrixPointer
  let rowSums: UnsafePointer<Int32>
  let bias: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let activation: Activation
  let accumulating: Bool
  let isa: InstructionSet

  func run(_ panels: Panels, _ share: Int) {
    let height = Panels.height
    let batch = min(Panels.batch, m)
    let room = batch * planes * height
    unsafe Scratch.withFloats(room) { scratch in
      let sums = unsafe UnsafeMutableRawPointer(scratch).bindMemory(
        to: Int32.self, capacity: room)
      panels.forEach(of: share) { columns in
        let first = columns.lowerBound
        let next = unsafe weights.next(after: columns)
        let ahead = unsafe CKAhead(next: next.baseAddress!, bytes: next.count)
        for row in Swift.stride(from: 0, to: m, by: batch) {
          let rows = min(batch, m - row)
          unsafe ck_dot_panel_u8_s8(
            sums, height, codes + row * planes * stride, stride, weights.panel(from: first),
            rows * planes, columns.count, k, ahead, isa.c)
          let scaling = unsafe CKScaling(
            planes: planes, scales: scales + row, zeros: zeros + row * planes,
            steps: weights.steps! + first,
            row_sums: rowSums + first, bias: bias.map { unsafe $0 + first })
          unsafe ck_scale_sums_f32(
            output + row * n + first, n, sums, height, scaling, rows, columns.count, activation.c,
            accumulating, isa.c)
        }
      }
    }
  }
}
