public import Concurrency

/// Adds Σ weights[t]² · x[t] · x[t]ᵀ over rows t: the second moments of what goes into a layer,
/// each row as much as its weight says.
///
/// - Parameters:
///   - x: `[rows, width]`.
///   - weights: `[rows]`.
///   - moments: `[width, width]`; of which the lower triangle is meant, the rest may hold anything.
public func addSecondMoments(
  _ x: Span<Float>, width: Int, weights: Span<Float>, to moments: inout MutableSpan<Float>,
  on pool: WorkerPool
) {
  let rows = weights.count
  precondition(
    x.count == rows * width && moments.count == width * width,
    "\(x.count) floats for \(rows)×\(width), \(moments.count) moments")
  guard x.count > 0 else { return }
  var scaled = [Float](repeating: 0, count: x.count)
  for row in 0..<rows {
    for i in row * width..<(row + 1) * width { scaled[i] = weights[row] * x[i] }
  }
  let panel = 128
  unsafe scaled.withUnsafeBufferPointer { scaled in
    unsafe moments.withUnsafeMutableBufferPointer { moments in
      nonisolated(unsafe) let from = scaled.baseAddress!
      nonisolated(unsafe) let to = moments.baseAddress!
      pool.run((width + panel - 1) / panel) { index in
        let first = index * panel
        let count = min(panel, width - first)
        unsafe BLAS.product(
          from + first, aStride: width, aTransposed: true, from, bStride: width,
          into: to + first * width, outStride: width, m: count, n: first + count, k: rows,
          accumulating: true)
      }
    }
  }
}

/// For each sequence, the sum of the squares of all elements of Σ a[t] · b[t]ᵀ over its rows t; the
/// same bits on every processor, as of `Fixed`.
///
/// - Parameters:
///   - a: `[rows, aWidth]`.
///   - b: `[rows, bWidth]`.
///   - starts: where each sequence begins, and after the last one, where it ends.
public func outerProductEnergies(
  _ a: Span<Float>, aWidth: Int, _ b: Span<Float>, bWidth: Int, starts: [Int], on pool: WorkerPool
) -> [Double] {
  let rows = starts.last ?? 0
  precondition(
    a.count == rows * aWidth && b.count == rows * bWidth,
    "\(a.count) and \(b.count) floats for \(rows) rows")
  var energies = [Double](repeating: 0, count: starts.count - 1)
  guard rows > 0, aWidth > 0, bWidth > 0 else { return energies }
  unsafe a.withUnsafeBufferPointer { a in
    unsafe b.withUnsafeBufferPointer { b in
      unsafe energies.withUnsafeMutableBufferPointer { energies in
        nonisolated(unsafe) let a = a.baseAddress!
        nonisolated(unsafe) let b = b.baseAddress!
        nonisolated(unsafe) let energies = energies.baseAddress!
        pool.run(starts.count - 1) { sequence in
          let (first, count) = (starts[sequence], starts[sequence + 1] - starts[sequence])
          // ‖Σ a bᵀ‖² = Σ over t and u of (a[t] · a[u]) (b[t] · b[u]).
          unsafe Scratch.withFloats(2 * count * count) { products in
            unsafe rowProducts(of: a + first * aWidth, count, aWidth, into: products)
            unsafe rowProducts(
              of: b + first * bWidth, count, bWidth, into: products + count * count)
            var sum = 0.0
            for i in 0..<count * count {
              unsafe sum += Double(products[i]) * Double(products[count * count + i])
            }
            unsafe energies[sequence] = sum
          }
        }
      }
    }
  }
  return energies
}

/// The products of all pairs of rows of a matrix, `[rows, rows]`.
private func rowProducts(
  of matrix: UnsafePointer<Float>, _ rows: Int, _ width: Int,
  into products: UnsafeMutablePointer<Float>
) {
  let matrix = unsafe Fixed.Matrix(matrix, width)
  unsafe Fixed.product(
    matrix, matrix.transposed, into: products, outStride: rows, rows, rows, width)
}
