internal import CKernels
public import Concurrency

/// How a column is rounded.
public enum ColumnRounding: Sendable {
  /// Each element to the nearest code.
  case nearest
  /// To a path through the trellis in each of the column's chains.
  case trellis(Trellis.Layout, Trellis.Costs)
}

/// Rounds a matrix to codes column by column, from the last to the first, each column making up for
/// what those before it err as far as the layer's input lets it.
///
/// For an input with second moments A = L·Lᵀ an error E of the weights costs Σ ‖E·L‖² over rows,
/// which is Σⱼ L[j,j]² · (eⱼ + Σ over i > j of eᵢ · L[i,j] / L[j,j])². So column j is best rounded
/// not from its values but from these plus that sum. (The method is known as OPTQ or GPTQ: Frantar
/// et al., arXiv:2210.17323; in this form, without an inverse, it is Babai's nearest plane.)
///
/// - Parameters:
///   - values: the matrix column by column, `[columns, rows]`.
///   - factor: L, `[columns, columns]`, lower triangular.
///   - steps: `[rows]`.
///   - rounding: of each column, once it is known what the others ask of it.
///   - codes: column by column, `[columns, rows]`.
public func roundWithFeedback(
  _ values: Span<Float>, factor: Span<Float>, steps: Span<Float>, columns: Int,
  _ rounding: ColumnRounding, into codes: inout MutableSpan<Int8>, on pool: WorkerPool
) {
  let rows = steps.count
  precondition(
    values.count == rows * columns && codes.count == values.count
      && factor.count == columns * columns,
    "\(values.count) values, \(codes.count) codes, \(factor.count) factors for \(rows)×\(columns)")
  guard values.count > 0 else { return }
  var errors = [Float](repeating: 0, count: values.count)
  let block = 64
  var targets = [Float](repeating: 0, count: block * rows)
  // The reciprocal of a subnormal step overflows; such a row counts as zeros.
  let inverses = [Float](capacity: rows) { output in
    for row in 0..<rows {
      output.append(steps[row] >= .leastNormalMagnitude ? 1 / steps[row] : 0)
    }
  }
  unsafe values.withUnsafeBufferPointer { values in
    unsafe factor.withUnsafeBufferPointer { factor in
      unsafe steps.withUnsafeBufferPointer { steps in
        unsafe codes.withUnsafeMutableBufferPointer { codes in
          unsafe errors.withUnsafeMutableBufferPointer { errors in
            unsafe targets.withUnsafeMutableBufferPointer { targets in
              let feedback = unsafe Feedback(
                rows: rows, columns: columns, values: values.baseAddress!,
                factor: factor.baseAddress!, steps: steps.baseAddress!, codes: codes.baseAddress!,
                errors: errors.baseAddress!, targets: targets.baseAddress!, inverses: inverses,
                rounding: rounding)
              var last = columns
              while last > 0 {
                let first = max(0, last - block)
                feedback.run(first..<last, pool)
                last = first
              }
            }
          }
        }
      }
    }
  }
}

@safe private struct Feedback: @unchecked Sendable {
  let rows: Int
  let columns: Int
  let values: UnsafePointer<Float>
  let factor: UnsafePointer<Float>
  let steps: UnsafePointer<Float>
  let codes: UnsafeMutablePointer<Int8>
  /// values − codes · steps, `[columns, rows]`.
  let errors: UnsafeMutablePointer<Float>
  /// What the columns after a block ask of it, `[block, rows]`, before division by L[j,j].
  let targets: UnsafeMutablePointer<Float>
  /// One over each step; 0 for a step of 0.
  let inverses: [Float]
  let rounding: ColumnRounding

  func run(_ block: Range<Int>, _ pool: WorkerPool) {
    gather(block, pool)
    for j in block.reversed() {
      let target = unsafe targets + (j - block.lowerBound) * rows
      for i in j + 1..<max(j + 1, block.upperBound) {
        unsafe ck_add_scaled_f32(target, errors + i * rows, factor[i * columns + j], rows)
      }
      let scale = unsafe 1 / factor[j * columns + j]
      for row in 0..<rows {
        unsafe target[row] = unsafe values[j * rows + row] + scale * target[row]
      }
      unsafe round(target, j)
    }
  }

  private func round(_ target: UnsafePointer<Float>, _ column: Int) {
    let place = unsafe codes + column * rows
    switch rounding {
    case .nearest:
      unsafe ck_feedback_round(target, inverses, rows, place)
    case .trellis(let layout, let costs):
      for chain in layout.chains(ofColumn: column) {
        unsafe Scratch.withFloats(ck_trellis_scratch(chain.count) / 4) { scratch in
          unsafe inverses.withUnsafeBufferPointer { inverses in
            unsafe ck_trellis_search_column(
              target + chain.lowerBound, inverses.baseAddress! + chain.lowerBound, chain.count,
              costs.values, place + chain.lowerBound, scratch, InstructionSet.widest.c)
          }
        }
      }
    }
    unsafe ck_feedback_errors(
      values + column * rows, place, steps, rows, errors + column * rows)
  }

  /// targets = L[after, block]ᵀ · errors[after], where `after` are all columns after the block.
  private func gather(_ block: Range<Int>, _ pool: WorkerPool) {
    let after = block.upperBound
    guard after < columns else {
      unsafe targets.update(repeating: 0, count: block.count * rows)
      return
    }
    let width = 128
    pool.run((rows + width - 1) / width) { panel in
      let first = panel * width
      unsafe BLAS.product(
        factor + after * columns + block.lowerBound, aStride: columns, aTransposed: true,
        errors + after * rows + first, bStride: rows, into: targets + first, outStride: rows,
        m: block.count, n: min(width, rows - first), k: columns - after)
    }
  }
}
