public import Concurrency

/// Takes a symmetric positive definite matrix A apart into L · Lᵀ with L lower triangular
/// (Cholesky), in single precision and in the arithmetic of `Reproducible`: the same bits on every
/// processor, by any number of threads.
///
/// - Parameters:
///   - a: A, `[n, n]`, of which the lower triangle is read; L in its place afterwards. What lies
///     above the diagonal says nothing then. Below it, `[below, n]`, rows X; afterwards X · L⁻ᵀ.
/// - Returns: whether A was positive definite, as far as rounding lets one see.
public func choleskyFactor(
  _ a: inout MutableSpan<Float>, _ n: Int, below: Int = 0, on pool: WorkerPool
) -> Bool {
  precondition(a.count == (n + below) * n, "\(a.count) floats for \(n + below)×\(n)")
  return unsafe a.withUnsafeMutableBufferPointer { a in
    guard let start = a.baseAddress else { return true }
    let factorisation = unsafe Factorisation(a: start, n: n, rows: n + below)
    for first in stride(from: 0, to: n, by: Factorisation.width) {
      guard factorisation.step(first, pool) else { return false }
    }
    return true
  }
}

@safe private struct Factorisation: @unchecked Sendable {
  let a: UnsafeMutablePointer<Float>
  let n: Int
  let rows: Int

  /// Columns that are worked on together.
  static let width = 64
  /// Rows that a thread takes at a time.
  private static let height = 128

  /// Makes columns `first..<first + width` those of L, given all before them.
  func step(_ first: Int, _ pool: WorkerPool) -> Bool {
    let columns = min(Self.width, n - first)
    let panels = (rows - first + Self.height - 1) / Self.height
    if first > 0 { subtractKnown(first, columns, panels, pool) }
    guard factorDiagonal(first, columns) else { return false }
    unsafe Scratch.withFloats(columns * columns) { inverse in
      unsafe invertDiagonal(first, columns, into: inverse)
      nonisolated(unsafe) let inverse = unsafe inverse
      pool.run(panels) { panel in
        let row = max(first + panel * Self.height, first + columns)
        let end = min(first + (panel + 1) * Self.height, rows)
        unsafe solve(row..<max(row, end), first, columns, inverse)
      }
    }
    return true
  }

  /// A[row…, first…] −= L[row…, ..<first] · L[first…, ..<first]ᵀ
  private func subtractKnown(_ first: Int, _ columns: Int, _ panels: Int, _ pool: WorkerPool) {
    unsafe Scratch.withFloats(columns * first) { negated in
      for j in 0..<columns {
        for k in 0..<first { unsafe negated[j * first + k] = -a[(first + j) * n + k] }
      }
      nonisolated(unsafe) let negated = unsafe negated
      pool.run(panels) { panel in
        let row = first + panel * Self.height
        unsafe Reproducible.addProduct(
          Reproducible.Matrix(a + row * n, n), Reproducible.Matrix(negated, first).transposed,
          to: a + row * n + first, outStride: n, min(Self.height, rows - row), columns, first)
      }
    }
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

  /// The inverse of the diagonal block's L, transposed.
  private func invertDiagonal(
    _ first: Int, _ columns: Int, into transposed: UnsafeMutablePointer<Float>
  ) {
    unsafe transposed.update(repeating: 0, count: columns * columns)
    var column = [Double](repeating: 0, count: columns)
    for j in 0..<columns {
      for i in j..<columns {
        let row = unsafe a + (first + i) * n + first
        var sum = i == j ? 1.0 : 0.0
        for k in j..<i { unsafe sum -= Double(row[k]) * column[k] }
        column[i] = unsafe sum / Double(row[i])
        unsafe transposed[j * columns + i] = Float(column[i])
      }
    }
  }

  /// X = A · L⁻ᵀ for rows below the diagonal block, in place.
  private func solve(
    _ rows: Range<Int>, _ first: Int, _ columns: Int, _ inverse: UnsafePointer<Float>
  ) {
    unsafe Scratch.withFloats(rows.count * columns) { known in
      for (index, i) in rows.enumerated() {
        unsafe (known + index * columns).update(from: a + i * n + first, count: columns)
      }
      unsafe Reproducible.product(
        Reproducible.Matrix(known, columns), Reproducible.Matrix(inverse, columns),
        into: a + rows.lowerBound * n + first, outStride: n, rows.count, columns, columns)
    }
  }
}
