public import Concurrency

/// Adds Σ x[t] · x[t]ᵀ over rows t: the second moments of what goes into a layer; the same bits on
/// every processor, as of `Reproducible`.
///
/// - Parameters:
///   - x: `[rows, width]`.
///   - moments: `[width, width]`; of which the lower triangle is meant, the rest may hold anything.
public func addSecondMoments(
  _ x: Span<Float>, width: Int, to moments: inout MutableSpan<Float>, on pool: WorkerPool
) {
  precondition(
    width > 0 && x.count % width == 0 && moments.count == width * width,
    "\(x.count) floats in rows of \(width), \(moments.count) moments")
  let rows = x.count / width
  guard rows > 0 else { return }
  let panel = 96
  let panels = (width + panel - 1) / panel
  unsafe x.withUnsafeBufferPointer { x in
    unsafe moments.withUnsafeMutableBufferPointer { moments in
      nonisolated(unsafe) let from = x.baseAddress!
      nonisolated(unsafe) let to = moments.baseAddress!
      // The longest first.
      pool.run(panels) { index in
        let first = (panels - 1 - index) * panel
        let count = min(panel, width - first)
        unsafe Reproducible.addProduct(
          Reproducible.Matrix(from + first, width).transposed, Reproducible.Matrix(from, width),
          to: to + first * width, outStride: width, count, first + count, rows)
      }
    }
  }
}

/// For each sequence, the sum of the squares of all elements of Σ a[t] · b[t]ᵀ over its rows t; the
/// same bits on every processor, as of `Reproducible`.
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
  let matrix = unsafe Reproducible.Matrix(matrix, width)
  unsafe Reproducible.product(
    matrix, matrix.transposed, into: products, outStride: rows, rows, rows, width)
}
