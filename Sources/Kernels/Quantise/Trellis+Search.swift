internal import CKernels
public import Concurrency

extension Trellis {
  /// A part of a matrix whose chains all begin in its first row.
  public struct Piece: Sendable, Equatable {
    public var rows: Range<Int>
    public var columns: Range<Int>
    public var count: Int { rows.count * columns.count }

    public init(rows: Range<Int>, columns: Range<Int>) {
      self.rows = rows
      self.columns = columns
    }
  }

  /// Where the chains of a matrix begin and end when its codes are stored in blocks.
  public struct Layout: Sendable {
    public let rows: Int
    public let columns: Int
    /// How many codes a block has.
    public let block: Int

    /// As many columns as a cache line holds codes.
    private static let columnsPerPiece = 64

    /// - Precondition: a block has codes.
    public init(rows: Int, columns: Int, block: Int) {
      precondition(rows >= 0 && columns >= 0 && block > 0, "\(rows)×\(columns) in \(block)")
      self.rows = rows
      self.columns = columns
      self.block = block
    }

    /// All of the matrix in pieces.
    public var pieces: [Piece] {
      let count = rows * columns
      return stride(from: 0, to: count, by: block).flatMap { start in
        let last = min(start + block, count) - 1
        let (top, left) = start.quotientAndRemainder(dividingBy: columns)
        let (bottom, right) = last.quotientAndRemainder(dividingBy: columns)
        let edges = Set([0, left, right + 1, columns]).sorted()
        return zip(edges, edges.dropFirst()).flatMap { from, to in
          let (start, end) = (from >= left ? top : top + 1, from <= right ? bottom + 1 : bottom)
          guard start < end else { return [Piece]() }
          return stride(from: from, to: to, by: Self.columnsPerPiece).map {
            Piece(rows: start..<end, columns: $0..<min($0 + Self.columnsPerPiece, to))
          }
        }
      }
    }

    /// The chains of one column, top to bottom: which rows each has.
    public func chains(ofColumn column: Int) -> [Range<Int>] {
      let starts = stride(from: 0, to: rows * columns, by: block).map {
        max(0, $0 - column + columns - 1) / columns
      }
      return zip(starts, starts.dropFirst() + [rows]).compactMap {
        $0 < $1 ? $0..<$1 : nil
      }
    }
  }

  /// Chooses the codes of a whole matrix: those that minimise Σ (value/step − code)² + costs along
  /// each chain.
  ///
  /// - Parameters:
  ///   - values: `[rows, columns]` of the layout.
  ///   - inverses: one over the step of each row; 0 for a row of zeros.
  ///   - codes: `[rows, columns]`.
  /// - Precondition: the shapes fit.
  public static func search(
    _ values: Span<Float>, _ layout: Layout, inverses: Span<Float>, costs: Costs,
    into codes: inout MutableSpan<Int8>, on pool: WorkerPool, using isa: InstructionSet = .widest
  ) {
    let columns = layout.columns
    precondition(
      values.count == layout.rows * columns && codes.count == values.count
        && inverses.count == layout.rows,
      "\(values.count) values, \(codes.count) codes, \(inverses.count) rows for "
        + "\(layout.rows)×\(columns)")
    let pieces = layout.pieces
    unsafe codes.withUnsafeMutableBufferPointer { codes in
      guard let base = codes.baseAddress else { return }
      nonisolated(unsafe) let to = unsafe base
      withMatrix(values, inverses, columns: columns, costs, isa) { matrix in
        pool.run(pieces.count) { index in
          let piece = pieces[index]
          unsafe matrix.search(
            piece, into: to + piece.rows.lowerBound * columns + piece.columns.lowerBound,
            pitch: columns)
        }
      }
    }
  }

  /// Chooses the codes of some pieces alone.
  ///
  /// - Parameters:
  ///   - values: the whole matrix, `columns` to a row.
  ///   - inverses: as above.
  /// - Returns: the codes of each piece, `[rows, columns]` of it.
  /// - Precondition: the shapes fit.
  public static func search(
    _ values: Span<Float>, columns: Int, pieces: [Piece], inverses: Span<Float>, costs: Costs,
    on pool: WorkerPool, using isa: InstructionSet = .widest
  ) -> [[Int8]] {
    precondition(
      inverses.count * columns == values.count
        && pieces.allSatisfy {
          $0.columns.upperBound <= columns && $0.rows.upperBound <= inverses.count
        }, "\(pieces.count) pieces of \(values.count) values in \(columns) columns")
    var found = [[Int8]](repeating: [], count: pieces.count)
    withMatrix(values, inverses, columns: columns, costs, isa) { matrix in
      found = pool.map(pieces.count) { index in
        let piece = pieces[index]
        return unsafe [Int8](unsafeUninitializedCapacity: piece.count) { output, count in
          guard let to = output.baseAddress else { return }
          unsafe matrix.search(piece, into: to, pitch: piece.columns.count)
          count = piece.count
        }
      }
    }
    return found
  }

  /// Chooses the codes of one chain, whose values lie side by side.
  ///
  /// The same codes as the search of a matrix gives for its column.
  ///
  /// - Precondition: as many inverses and codes as values.
  public static func search(
    chain values: Span<Float>, inverses: Span<Float>, costs: Costs,
    into codes: inout MutableSpan<Int8>, using isa: InstructionSet = .widest
  ) {
    let rows = values.count
    precondition(
      inverses.count == rows && codes.count == rows,
      "\(rows) values, \(inverses.count) inverses, \(codes.count) codes")
    unsafe values.withUnsafeBufferPointer { values in
      unsafe inverses.withUnsafeBufferPointer { inverses in
        unsafe codes.withUnsafeMutableBufferPointer { codes in
          guard let x = values.baseAddress, let by = inverses.baseAddress,
            let to = codes.baseAddress
          else { return }
          unsafe Scratch.withFloats(ck_trellis_scratch(rows) / 4) { scratch in
            unsafe ck_trellis_search_column(x, by, rows, costs.values, to, scratch, isa.c)
          }
        }
      }
    }
  }

  private static func withMatrix(
    _ values: Span<Float>, _ inverses: Span<Float>, columns: Int, _ costs: Costs,
    _ isa: InstructionSet, _ body: (Matrix) -> Void
  ) {
    unsafe values.withUnsafeBufferPointer { values in
      unsafe inverses.withUnsafeBufferPointer { inverses in
        guard let values = values.baseAddress, let inverses = inverses.baseAddress else { return }
        body(
          unsafe Matrix(
            values: values, inverses: inverses, columns: columns, costs: costs, isa: isa))
      }
    }
  }
}

/// A matrix to search, for all threads.
@safe private struct Matrix: @unchecked Sendable {
  let values: UnsafePointer<Float>
  let inverses: UnsafePointer<Float>
  let columns: Int
  let costs: Trellis.Costs
  let isa: InstructionSet

  @unsafe func search(_ piece: Trellis.Piece, into codes: UnsafeMutablePointer<Int8>, pitch: Int) {
    let start = piece.rows.lowerBound
    unsafe Scratch.withFloats(ck_trellis_scratch(piece.rows.count) / 4) { scratch in
      unsafe ck_trellis_search(
        values + start * columns + piece.columns.lowerBound, columns, inverses + start,
        piece.rows.count, piece.columns.count, costs.values, codes, pitch, scratch, isa.c)
    }
  }
}
