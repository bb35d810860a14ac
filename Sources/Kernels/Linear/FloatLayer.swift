internal import CKernels
internal import Concurrency

/// One linear layer in float32, in the hands of several threads.
@safe struct FloatLayer: @unchecked Sendable {
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

  func run(on pool: WorkerPool) {
    guard isa.multipliesFloats else {
      pool.run(blasPanels) { panel in multiplyByBLAS(panel) }
      return
    }
    let panels = Panels(rows: n, threads: pool.threads)
    let stride = Panels.stride(rowBytes: 4 * k) / 4
    unsafe Scratch.withFloats(m * stride) { padded in
      nonisolated(unsafe) let padded = unsafe padded
      // Some 10 µs of work a share.
      let share = max(1, 65_536 / k)
      pool.run((m + share - 1) / share) { index in
        for row in index * share..<min((index + 1) * share, m) {
          unsafe (padded + row * stride).update(from: x + row * k, count: k)
        }
      }
      pool.run(panels.shares) { share in unsafe multiply(padded, stride, panels, share) }
    }
  }

  private func multiply(
    _ x: UnsafePointer<Float>, _ xStride: Int, _ panels: Panels, _ share: Int
  ) {
    let height = Panels.height
    // Rows of codes are whole words of 4.
    let (batch, room) = (min(Panels.batch, m), Panels.floats(rowBytes: 4 * ((k + 3) / 4 * 4)))
    unsafe Scratch.withFloats(room + height * k + batch * height) { scratch in
      let copy = unsafe scratch + room
      let sums = unsafe copy + height * k
      panels.forEach(of: share) { columns in
        let first = columns.lowerBound
        let isCoded = weights.type == .codes
        let floats = unsafe weights.inPlace(from: first)
        if unsafe floats == nil, !isCoded { unsafe weights.copy(columns, into: copy, isa) }
        let next = unsafe weights.next(after: columns)
        let panel = unsafe CKPanel(
          scratch: scratch, ahead: CKAhead(next: next.baseAddress!, bytes: next.count))
        let steps = isCoded ? unsafe weights.steps.map { unsafe $0 + first } : nil
        for row in stride(from: 0, to: m, by: batch) {
          let rows = min(batch, m - row)
          let from = unsafe x + row * xStride
          if isCoded {
            unsafe ck_dot_codes_f32(
              sums, height, from, xStride, weights.panel(from: first), rows, columns.count, k,
              panel, isa.c)
          } else {
            unsafe ck_dot_rows_f32(
              sums, height, from, xStride, floats ?? UnsafePointer(copy), rows, columns.count, k,
              panel, isa.c)
          }
          unsafe ck_scale_dots_f32(
            output + row * n + first, n, sums, height, steps, bias.map { unsafe $0 + first }, rows,
            columns.count, activation.c, accumulating, isa.c)
        }
      }
    }
  }
}

extension FloatLayer {
  /// Rows of weights in one panel: few enough that a panel of floats stays in a 1 MB cache, and
  /// many enough that reading `x` again for each panel does not count. Beyond 96 a product gains
  /// less than the last panels lose by leaving threads idle.
  private var blasWidth: Int { min(96, max(16, 131_072 / k / 16 * 16)) }

  /// Rows of `x` in one product: what fits beside the panel.
  private var blasHeight: Int { 256 }

  private var blasPanels: Int { (n + blasWidth - 1) / blasWidth }

  private func multiplyByBLAS(_ panel: Int) {
    let columns = panel * blasWidth..<min((panel + 1) * blasWidth, n)
    if let floats = unsafe weights.inPlace(from: columns.lowerBound) {
      unsafe multiplyByBLAS(floats, columns)
    } else {
      unsafe Scratch.withFloats(columns.count * k) { floats in
        unsafe weights.copy(columns, into: floats, isa)
        unsafe multiplyByBLAS(floats, columns)
      }
    }
  }

  private func multiplyByBLAS(_ floats: UnsafePointer<Float>, _ columns: Range<Int>) {
    for row in stride(from: 0, to: m, by: blasHeight) {
      let rows = min(blasHeight, m - row)
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
