internal import CKernels
public import Concurrency

extension Fixed {
  /// How rows of queries, keys and values attend to one another: those of one sequence stand after
  /// those of another, and each head has its own columns.
  public struct Heads: Sendable {
    let width: Int
    let heads: Int
    let starts: [Int]
    let isCausal: Bool

    /// - Parameters:
    ///   - width: of a row, a multiple of `heads`.
    ///   - starts: where each sequence begins, and after the last one, where it ends.
    ///   - isCausal: whether row `i` of a sequence sees its rows `0...i` only.
    public init(width: Int, heads: Int, starts: [Int], isCausal: Bool) {
      precondition(
        heads > 0 && width > 0 && width % heads == 0, "\(heads) heads in \(width) columns")
      self.width = width
      self.heads = heads
      self.starts = starts
      self.isCausal = isCausal
    }

    /// Of each matrix.
    fileprivate var floats: Int { (starts.last ?? 0) * width }
    fileprivate var columns: Int { width / heads }
    fileprivate var scale: Float { 1 / Float(columns).squareRoot() }

    /// Each head of each sequence, on any thread: how many rows it has, and where its first float
    /// is.
    fileprivate func forEach(
      on pool: WorkerPool, _ body: @Sendable (_ rows: Int, _ corner: Int) -> Void
    ) {
      pool.run((starts.count - 1) * heads) { index in
        let sequence = index / heads
        let rows = starts[sequence + 1] - starts[sequence]
        guard rows > 0 else { return }
        body(rows, starts[sequence] * width + index % heads * columns)
      }
    }

    /// What share each row has in the answer to each query, `[rows, rows]`.
    fileprivate func share(
      _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ rows: Int,
      into shares: UnsafeMutablePointer<Float>
    ) {
      unsafe product(
        Matrix(q, width), Matrix(k, width).transposed, into: shares, outStride: rows, rows, rows,
        columns)
      for row in 0..<rows {
        let seen = isCausal ? row + 1 : rows
        unsafe ck_fixed_softmax(shares + row * rows, seen, scale, InstructionSet.widest.c)
        for column in seen..<rows { unsafe shares[row * rows + column] = 0 }
      }
    }
  }

  /// Multi-head attention. All matrices are `[rows, width]`; what `output` holds is replaced.
  ///
  /// - Precondition: the shapes fit.
  public static func attention(
    _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, _ heads: Heads,
    into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    precondition(
      [q.count, k.count, v.count, output.count].allSatisfy { $0 == heads.floats },
      "all of an attention's matrices are \(heads.floats) floats")
    guard heads.floats > 0 else { return }
    unsafe q.withUnsafeBufferPointer { q in
      unsafe k.withUnsafeBufferPointer { k in
        unsafe v.withUnsafeBufferPointer { v in
          unsafe output.withUnsafeMutableBufferPointer { output in
            nonisolated(unsafe) let (q, k) = (q.baseAddress!, k.baseAddress!)
            nonisolated(unsafe) let (v, output) = (v.baseAddress!, output.baseAddress!)
            heads.forEach(on: pool) { rows, corner in
              unsafe Scratch.withFloats(rows * rows) { shares in
                unsafe heads.share(q + corner, k + corner, rows, into: shares)
                unsafe product(
                  Matrix(shares, rows), Matrix(v + corner, heads.width), into: output + corner,
                  outStride: heads.width, rows, heads.columns, rows)
              }
            }
          }
        }
      }
    }
  }

  /// How much queries, keys and values of an attention are felt, from how much its output is.
  ///
  /// All matrices are `[rows, width]`; what `qGradient`, `kGradient` and `vGradient` hold is
  /// replaced.
  ///
  /// - Parameter gradient: of the output.
  /// - Precondition: the shapes fit.
  public static func attentionGradient(
    _ gradient: Span<Float>, _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, _ heads: Heads,
    into qGradient: inout MutableSpan<Float>, _ kGradient: inout MutableSpan<Float>,
    _ vGradient: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    precondition(
      [
        gradient.count, q.count, k.count, v.count, qGradient.count, kGradient.count,
        vGradient.count,
      ].allSatisfy { $0 == heads.floats },
      "all of an attention's matrices are \(heads.floats) floats")
    guard heads.floats > 0 else { return }
    unsafe gradient.withUnsafeBufferPointer { gradient in
      unsafe q.withUnsafeBufferPointer { q in
        unsafe k.withUnsafeBufferPointer { k in
          unsafe v.withUnsafeBufferPointer { v in
            unsafe qGradient.withUnsafeMutableBufferPointer { qGradient in
              unsafe kGradient.withUnsafeMutableBufferPointer { kGradient in
                unsafe vGradient.withUnsafeMutableBufferPointer { vGradient in
                  let back = unsafe Back(
                    heads: heads, gradient: gradient.baseAddress!, q: q.baseAddress!,
                    k: k.baseAddress!, v: v.baseAddress!, qGradient: qGradient.baseAddress!,
                    kGradient: kGradient.baseAddress!, vGradient: vGradient.baseAddress!)
                  heads.forEach(on: pool) { rows, corner in back.run(rows, corner) }
                }
              }
            }
          }
        }
      }
    }
  }

  @safe private struct Back: @unchecked Sendable {
    let heads: Heads
    let gradient: UnsafePointer<Float>
    let q: UnsafePointer<Float>
    let k: UnsafePointer<Float>
    let v: UnsafePointer<Float>
    let qGradient: UnsafeMutablePointer<Float>
    let kGradient: UnsafeMutablePointer<Float>
    let vGradient: UnsafeMutablePointer<Float>

    /// One head of one sequence.
    func run(_ rows: Int, _ corner: Int) {
      let (width, columns) = (heads.width, heads.columns)
      let gradient = unsafe Matrix(gradient + corner, width)
      unsafe Scratch.withFloats(2 * rows * rows) { shares in
        let felt = unsafe shares + rows * rows
        unsafe heads.share(q + corner, k + corner, rows, into: shares)
        unsafe product(
          gradient, Matrix(v + corner, width).transposed, into: felt, outStride: rows,
          rows, rows, columns)
        unsafe product(
          Matrix(shares, rows).transposed, gradient, into: vGradient + corner, outStride: width,
          rows, columns, rows)
        for row in 0..<rows {
          let (share, feel) = unsafe (shares + row * rows, felt + row * rows)
          var mean: Float = 0
          for column in 0..<rows { unsafe mean += share[column] * feel[column] }
          for column in 0..<rows {
            unsafe feel[column] = share[column] * (feel[column] - mean) * heads.scale
          }
        }
        unsafe product(
          Matrix(felt, rows), Matrix(k + corner, width), into: qGradient + corner,
          outStride: width, rows, columns, rows)
        unsafe product(
          Matrix(felt, rows).transposed, Matrix(q + corner, width), into: kGradient + corner,
          outStride: width, rows, columns, rows)
      }
    }
  }
}
