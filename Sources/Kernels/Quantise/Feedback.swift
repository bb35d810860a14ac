internal import CKernels
public import Concurrency

/// How a column is rounded.
public enum ColumnRounding: Sendable {
  /// Each element to the nearest code within ±limit, which is at most 32767.
  case nearest(limit: Int16)
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
/// In the arithmetic of `Reproducible`: the same codes on every processor, on any threads.
///
/// - Parameters:
///   - values: the matrix, `[rows, columns]`.
///   - factor: L, `[columns, columns]`, of which the lower triangle is read.
///   - steps: `[rows]`.
///   - rounding: of each column, once it is known what the others ask of it.
///   - codes: `[rows, columns]`.
public func roundWithFeedback(
  _ values: Span<Float>, factor: Span<Float>, steps: Span<Float>, columns: Int,
  _ rounding: ColumnRounding, into codes: inout MutableSpan<Int16>, on pool: WorkerPool
) {
  let rows = steps.count
  precondition(
    values.count == rows * columns && codes.count == values.count
      && factor.count == columns * columns,
    "\(values.count) values, \(codes.count) codes, \(factor.count) factors for \(rows)×\(columns)")
  guard values.count > 0 else { return }
  let strips = rounding.strips(rows: rows)
  unsafe values.withUnsafeBufferPointer { values in
    unsafe factor.withUnsafeBufferPointer { factor in
      unsafe steps.withUnsafeBufferPointer { steps in
        unsafe codes.withUnsafeMutableBufferPointer { codes in
          nonisolated(unsafe) let values = values.baseAddress!
          nonisolated(unsafe) let factor = factor.baseAddress!
          nonisolated(unsafe) let steps = steps.baseAddress!
          nonisolated(unsafe) let codes = codes.baseAddress!
          pool.run(strips.count) { index in
            let rows = strips[index]
            Feedback.withRoom(rows.count, columns) { room in
              let feedback = unsafe Feedback(
                firstRow: rows.lowerBound, rows: rows.count, columns: columns, factor: factor,
                steps: steps + rows.lowerBound, rounding: rounding, room: room)
              unsafe feedback.run(
                values + rows.lowerBound * columns, into: codes + rows.lowerBound * columns)
            }
          }
        }
      }
    }
  }
}

extension ColumnRounding {
  /// Rows that are rounded together; those of different strips have nothing to do with each other.
  fileprivate func strips(rows: Int) -> [Range<Int>] {
    switch self {
    case .nearest:
      let height = 128
      return stride(from: 0, to: rows, by: height).map { $0..<min($0 + height, rows) }
    case .trellis(let layout, _):
      // Blocks of whole rows begin new chains in all columns at once.
      return layout.block % layout.columns == 0 ? layout.chains(ofColumn: 0) : [0..<rows]
    }
  }
}

/// One strip, in memory of its own, column by column.
@safe private struct Feedback: @unchecked Sendable {
  /// Columns between which errors are handed on one by one; to those before them, together.
  private static let block = 64

  /// Of the matrix.
  let firstRow: Int
  let rows: Int
  let columns: Int
  let factor: UnsafePointer<Float>
  let steps: UnsafePointer<Float>
  let rounding: ColumnRounding
  let room: Room
  private let isa = InstructionSet.widest.c

  @safe struct Room {
    /// `[columns, rows]`
    var values: UnsafeMutablePointer<Float>
    /// values − codes · steps, `[columns, rows]`.
    var errors: UnsafeMutablePointer<Float>
    /// What the columns after a block ask of it, `[block, rows]`, before division by L[j,j].
    var targets: UnsafeMutablePointer<Float>
    /// One over each step; 0 for a step of 0.
    var inverses: UnsafeMutablePointer<Float>
    /// `[columns, rows]`
    var codes: UnsafeMutablePointer<Int16>
    /// A column of the trellis.
    var path: UnsafeMutablePointer<Int8>
  }

  static func withRoom(_ rows: Int, _ columns: Int, _ body: (Room) -> Void) {
    let count = rows * columns
    unsafe Scratch.withFloats(2 * count + (block + 1) * rows + (count + 1) / 2 + (rows + 3) / 4) {
      floats in
      let targets = unsafe floats + 2 * count
      let inverses = unsafe targets + block * rows
      let codes = unsafe inverses + rows
      let path = unsafe codes + (count + 1) / 2
      unsafe body(
        Room(
          values: floats, errors: floats + count, targets: targets, inverses: inverses,
          codes: UnsafeMutableRawPointer(codes).bindMemory(to: Int16.self, capacity: count),
          path: UnsafeMutableRawPointer(path).bindMemory(to: Int8.self, capacity: rows)))
    }
  }

  /// - Parameter codes: as `matrix` the strip, `[rows, columns]`.
  func run(_ matrix: UnsafePointer<Float>, into codes: UnsafeMutablePointer<Int16>) {
    for row in 0..<rows {
      // The reciprocal of a subnormal step overflows; such a row counts as zeros.
      let step = unsafe steps[row]
      unsafe room.inverses[row] = step >= .leastNormalMagnitude ? 1 / step : 0
      for column in 0..<columns {
        unsafe room.values[column * rows + row] = matrix[row * columns + column]
      }
    }
    var last = columns
    while last > 0 {
      let first = max(0, last - Self.block)
      round(first..<last)
      last = first
    }
    for row in 0..<rows {
      for column in 0..<columns {
        unsafe codes[row * columns + column] = room.codes[column * rows + row]
      }
    }
  }

  private func round(_ block: Range<Int>) {
    gather(block)
    for j in block.reversed() {
      let target = unsafe room.targets + (j - block.lowerBound) * rows
      for i in j + 1..<max(j + 1, block.upperBound) {
        unsafe ck_add_scaled_f32(
          target, room.errors + i * rows, factor[i * columns + j], rows, isa)
      }
      let scale = unsafe 1 / factor[j * columns + j]
      for row in 0..<rows {
        unsafe target[row] = unsafe room.values[j * rows + row] + scale * target[row]
      }
      unsafe round(target, j)
    }
  }

  private func round(_ target: UnsafePointer<Float>, _ column: Int) {
    let codes = unsafe room.codes + column * rows
    switch rounding {
    case .nearest(let limit):
      unsafe ck_feedback_round(target, room.inverses, rows, Float(limit), codes, isa)
    case .trellis(let layout, let costs):
      for chain in layout.chains(ofColumn: column) {
        let rows = chain.clamped(to: firstRow..<firstRow + rows)
        guard !rows.isEmpty else { continue }
        let start = rows.lowerBound - firstRow
        unsafe Scratch.withFloats(ck_trellis_scratch(rows.count) / 4) { scratch in
          unsafe ck_trellis_search_column(
            target + start, room.inverses + start, rows.count, costs.values, room.path + start,
            scratch, isa)
        }
      }
      for row in 0..<rows { unsafe codes[row] = Int16(room.path[row]) }
    }
    unsafe ck_feedback_errors(
      room.values + column * rows, codes, steps, rows, room.errors + column * rows, isa)
  }

  /// targets = L[after, block]ᵀ · errors[after], where `after` are all columns after the block.
  private func gather(_ block: Range<Int>) {
    let after = block.upperBound
    let lower = unsafe Reproducible.Matrix(factor + after * columns + block.lowerBound, columns)
    unsafe Reproducible.product(
      lower.transposed, Reproducible.Matrix(room.errors + after * rows, rows), into: room.targets,
      outStride: rows, block.count, rows, columns - after)
  }
}
