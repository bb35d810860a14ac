internal import CKernels
public import Concurrency

/// A linear layer in bfloat16: `output = activation(x · weightsᵀ + bias)`, summed in float32.
///
/// Floats and halves of weights are rounded. Each result depends on its row and its column alone,
/// so it has the same bits for any number of threads.
///
/// - Parameters:
///   - weights: `[n, k]`.
///   - bias: `[n]`, or `nil` for none.
///   - accumulating: whether the result is added to what `output` holds. No activation then.
///   - output: `[x.rows, n]`.
/// - Precondition: the shapes fit, and the weights are not coded.
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
              m: m, n: n, k: k, stride: stride, halves: halves.baseAddress!,
              weights: MatrixPointer(weights, elements.baseAddress!, steps.baseAddress),
              bias: bias.baseAddress, output: output.baseAddress!, activation: activation,
              accumulating: accumulating, isa: isa)
            let panels = Panels(rows: n, threads: pool.threads)
            pool.run(panels.shares) { share in layer.run(panels, share) }
          }
        }
      }
    }
  }
}

/// One linear layer in bfloat16.
@safe private struct HalfLayer: @unchecked Sendable {
  let m: Int
  let n: Int
  let k: Int
  let stride: Int
  let halves: UnsafePointer<UInt16>
  let weights: MatrixPointer
  let bias: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let activation: Activation
  let accumulating: Bool
  let isa: InstructionSet

  func run(_ panels: Panels, _ share: Int) {
    let height = Panels.height
    // With the zeros that rows are padded with.
    let padded = HalfRows.padded(k)
    let (batch, room) = (min(Panels.batch, m), Panels.floats(rowBytes: 2 * padded))
    let halfRoom = height * padded / 2
    unsafe Scratch.withFloats(room + halfRoom + batch * height) { scratch in
      let rows = unsafe UnsafeMutableRawPointer(scratch + room).bindMemory(
        to: UInt16.self, capacity: 2 * halfRoom)
      let sums = unsafe scratch + room + halfRoom
      panels.forEach(of: share) { columns in
        let first = columns.lowerBound
        unsafe weights.copyHalves(columns, into: rows, stride: padded, isa)
        let next = unsafe weights.next(after: columns)
        let panel = unsafe CKPanel(
          scratch: scratch, ahead: CKAhead(next: next.baseAddress!, bytes: next.count))
        for row in Swift.stride(from: 0, to: m, by: batch) {
          let count = min(batch, m - row)
          unsafe ck_dot_rows_bf16(
            sums, height, halves + row * stride, stride, rows, count, columns.count, padded, panel,
            isa.c)
          unsafe ck_scale_dots_f32(
            output + row * n + first, n, sums, height, nil, bias.map { unsafe $0 + first },
            count, columns.count, activation.c, accumulating, isa.c)
        }
      }
    }
  }
}

extension MatrixPointer {
  /// Rows as bfloat16, `stride` elements apart, zeros between them.
  ///
  /// - Precondition: no codes.
  func copyHalves(
    _ rows: Range<Int>, into output: UnsafeMutablePointer<UInt16>, stride: Int,
    _ isa: InstructionSet
  ) {
    for row in rows {
      let to = unsafe output + (row - rows.lowerBound) * stride
      unsafe (to + columns).update(repeating: 0, count: stride - columns)
      switch type {
      case .codes: preconditionFailure("codes are multiplied as integers")
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
