public import Concurrency

/// Takes a symmetric positive definite matrix A apart into L · Lᵀ with L lower triangular
/// (Cholesky), in single precision.
///
/// The bits depend on the processor, not on the number of threads.
///
/// - Parameter a: A, `[n, n]`, of which the lower triangle is read; L in its place afterwards. What
///   lies above the diagonal says nothing then.
/// - Returns: whether A was positive definite, as far as rounding lets one see.
public func choleskyFactor(_ a: inout MutableSpan<Float>, _ n: Int, on pool: WorkerPool) -> Bool {
  precondition(a.count == n * n, "\(a.count) floats for \(n)×\(n)")
  return unsafe a.withUnsafeMutableBufferPointer { a in
    guard let start = a.baseAddress else { return true }
    let factorisation = unsafe Factorisation(a: start, n: n)
    for first in stride(from: 0, to: n, by: Factorisation.width) {
      guard factorisation.step(first, pool) else { return false }
    }
    return true
  }
}

@safe private struct Factorisation: @unchecked Sendable {
  let a: UnsafeMutablePointer<Float>
  let n: Int

  /// Columns that are worked on together.
  static let width = 64
  /// Rows that a thread takes at a time.
  private static let height = 128

  /// Makes columns `first..<first + width` those of L, given all before them.
  func step(_ first: Int, _ pool: WorkerPool) -> Bool {
    let columns = min(Self.width, n - first)
    let panels = (n - first + Self.height - 1) / Self.height
    if first > 0 {
      pool.run(panels) { panel in
        let row = first + panel * Self.height
        // A[row…, first…] −= L[row…, ..<first] · L[first…, ..<first]ᵀ
        unsafe BLAS.product(
          a + row * n, aStride: n, a + first * n, bStride: n, bTransposed: true,
          into: a + row * n + first, outStride: n, m: min(Self.height, n - row), n: columns,
          k: first, factor: -1, accumulating: true)
      }
    }
    guard factorDiagonal(first, columns) else { return false }
    pool.run(panels) { panel in
      let row = max(first + panel * Self.height, first + columns)
      solve(row..<max(row, min(first + (panel + 1) * Self.height, n)), first, columns)
    }
    return true
  }

  private func factorDiagonal(_ first: Int, _ columns: Int) -> Bool {
    for j in first..<first + columns {
      var pivot = unsafe Double(a[j * n + j])
      for k in first..<j { unsafe pivot -= Double(a[j * n + k]) * Double(a[j * n + k]) }
      guard pivot > 0, pivot.isFinite else { return false }
      let root = pivot.squareRoot()
      unsafe a[j * n + j] = Float(root)
      for i in j + 1..<max(j + 1, first + columns) {
        var sum = unsafe Double(a[i * n + j])
        for k in first..<j { unsafe sum -= Double(a[i * n + k]) * Double(a[j * n + k]) }
        unsafe a[i * n + j] = Float(sum / root)
      }
    }
    return true
  }

  /// X · Lᵀ = A for rows below the diagonal block, in place.
  private func solve(_ rows: Range<Int>, _ first: Int, _ columns: Int) {
    for i in rows {
      let row = unsafe a + i * n
      for j in first..<first + columns {
        let diagonal = unsafe a + j * n
        var sum = unsafe row[j]
        for k in first..<j { unsafe sum -= row[k] * diagonal[k] }
        unsafe row[j] = unsafe sum / diagonal[j]
      }
    }
  }
}
