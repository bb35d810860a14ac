internal import CKernels

/// How much queries, keys and values of an attention are felt, from how much its output is.
///
/// - Parameters:
///   - gradient: of the output, `[rows, width]`.
///   - q, k, v: `[rows, width]`, the rows of one sequence after those of another.
///   - starts: where each sequence begins, and after the last one, where it ends.
///   - qGradient, kGradient, vGradient: `[rows, width]`; what they hold is replaced.
/// - Precondition: the shapes fit; the rest as `attention`.
public func attentionGradient(
  _ gradient: Span<Float>, _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, starts: [Int],
  width: Int, heads: Int, isCausal: Bool, into qGradient: inout MutableSpan<Float>,
  _ kGradient: inout MutableSpan<Float>, _ vGradient: inout MutableSpan<Float>,
  on pool: WorkerPool
) {
  precondition(heads > 0 && width > 0 && width % heads == 0, "\(heads) heads in \(width) columns")
  let count = (starts.last ?? 0) * width
  precondition(
    [
      gradient.count, q.count, k.count, v.count, qGradient.count, kGradient.count,
      vGradient.count,
    ].allSatisfy { $0 == count }, "all of an attention's matrices are \(count) floats")
  unsafe gradient.withUnsafeBufferPointer { gradient in
    unsafe q.withUnsafeBufferPointer { q in
      unsafe k.withUnsafeBufferPointer { k in
        unsafe v.withUnsafeBufferPointer { v in
          unsafe qGradient.withUnsafeMutableBufferPointer { qGradient in
            unsafe kGradient.withUnsafeMutableBufferPointer { kGradient in
              unsafe vGradient.withUnsafeMutableBufferPointer { vGradient in
                guard count > 0 else { return }
                let heads = unsafe Heads(
                  width: width, heads: heads, starts: starts, isCausal: isCausal,
                  gradient: gradient.baseAddress!, q: q.baseAddress!, k: k.baseAddress!,
                  v: v.baseAddress!, qGradient: qGradient.baseAddress!,
                  kGradient: kGradient.baseAddress!, vGradient: vGradient.baseAddress!)
                pool.run(heads.count) { heads.run($0) }
              }
            }
          }
        }
      }
    }
  }
}

@safe private struct Heads: @unchecked Sendable {
  let width: Int
  let heads: Int
  let starts: [Int]
  let isCausal: Bool
  let gradient: UnsafePointer<Float>
  let q: UnsafePointer<Float>
  let k: UnsafePointer<Float>
  let v: UnsafePointer<Float>
  let qGradient: UnsafeMutablePointer<Float>
  let kGradient: UnsafeMutablePointer<Float>
  let vGradient: UnsafeMutablePointer<Float>

  var count: Int { (starts.count - 1) * heads }

  /// One head of one sequence.
  func run(_ index: Int) {
    let (sequence, head) = (index / heads, width / heads)
    let rows = starts[sequence + 1] - starts[sequence]
    let corner = starts[sequence] * width + index % heads * head
    guard rows > 0 else { return }
    let scale = 1 / Float(head).squareRoot()
    unsafe Scratch.withFloats(2 * rows * rows) { shares in
      let felt = unsafe shares + rows * rows
      unsafe BLAS.product(
        q + corner, aStride: width, k + corner, bStride: width, bTransposed: true,
        into: shares, outStride: rows, m: rows, n: rows, k: head)
      for row in 0..<rows {
        let seen = isCausal ? row + 1 : rows
        unsafe ck_softmax_f32(shares + row * rows, seen, scale, InstructionSet.widest.c)
        for column in seen..<rows { unsafe shares[row * rows + column] = 0 }
      }
      unsafe BLAS.product(
        gradient + corner, aStride: width, v + corner, bStride: width, bTransposed: true,
        into: felt, outStride: rows, m: rows, n: rows, k: head)
      unsafe BLAS.product(
        shares, aStride: rows, aTransposed: true, gradient + corner, bStride: width,
        into: vGradient + corner, outStride: width, m: rows, n: head, k: rows)
      for row in 0..<rows {
        let (share, feel) = unsafe (shares + row * rows, felt + row * rows)
        var mean: Float = 0
        for column in 0..<rows { unsafe mean += share[column] * feel[column] }
        for column in 0..<rows { unsafe feel[column] = share[column] * (feel[column] - mean) }
      }
      unsafe BLAS.product(
        felt, aStride: rows, k + corner, bStride: width, into: qGradient + corner,
        outStride: width, m: rows, n: head, k: rows, factor: scale)
      unsafe BLAS.product(
        felt, aStride: rows, aTransposed: true, q + corner, bStride: width,
        into: kGradient + corner, outStride: width, m: rows, n: head, k: rows, factor: scale)
    }
  }
}
