internal import Concurrency
internal import Kernels
internal import Tensors

/// A part of a matrix that stands for all of it: whole chains of columns spread over it, to find
/// out what codes its trellis will have before it is searched.
struct TrellisSample: Sendable {
  /// One over the step of each row; 0 for a row of zeros.
  let inverses: [Float]
  private let steps: [Float]
  private let columns: Int
  private let pieces: [Trellis.Piece]

  /// As many columns as a vector holds floats.
  private static let columnsPerPiece = 16
  /// How often frequencies are found anew. Measured on Gaussian, Laplacian and Student-t data, the
  /// second time is worth 0.001 bits at 2 bits and nothing at 4, a third one nothing anywhere.
  private static let rounds = 2

  init(_ steps: [Float], _ layout: Trellis.Layout, elements: Int = 1 << 17) {
    self.steps = steps
    inverses = steps.map { $0 >= .leastNormalMagnitude ? 1 / $0 : 0 }
    columns = layout.columns
    var all: [Trellis.Piece] = []
    for piece in layout.pieces {
      let end = piece.columns.upperBound
      for start in stride(from: piece.columns.lowerBound, to: end, by: Self.columnsPerPiece) {
        let columns = start..<min(start + Self.columnsPerPiece, end)
        all.append(Trellis.Piece(rows: piece.rows, columns: columns))
      }
    }
    // So many of all, evenly.
    let wanted = max(1, all.count * elements / max(layout.rows * layout.columns, 1))
    if wanted < all.count {
      all = (0..<wanted).map { all[(2 * $0 + 1) * all.count / (2 * wanted)] }
    }
    pieces = all
  }

  /// How often each code will occur, found by searching the sample at that price of a bit.
  func frequencies(
    of values: Span<Float>, price: Float, _ pool: WorkerPool
  ) -> Trellis.Frequencies {
    var frequencies = grid(values).spread
    for _ in 0..<Self.rounds {
      frequencies = search(values, frequencies.costs(price: price), pool).frequencies
    }
    return frequencies
  }

  /// How often each code occurs on a plain grid of the same steps.
  private func grid(_ values: Span<Float>) -> Trellis.Frequencies {
    var sum = Trellis.Frequencies()
    for piece in pieces {
      var codes = [Int8](repeating: 0, count: piece.count)
      var all = codes.mutableSpan
      let width = piece.columns.count
      for (index, row) in piece.rows.enumerated() {
        let start = row * columns + piece.columns.lowerBound
        var output = all._mutatingExtracting(index * width..<(index + 1) * width)
        quantise(values.extracting(start..<start + width), by: inverses[row], into: &output)
      }
      sum += Trellis.Frequencies(codes.span)
    }
    return sum
  }

  /// Searches the sample.
  ///
  /// - Returns: how often each code occurs, and Σ (value − code · step)².
  func search(
    _ values: Span<Float>, _ costs: Trellis.Costs, _ pool: WorkerPool
  ) -> (frequencies: Trellis.Frequencies, squaredError: Double) {
    let found = Trellis.search(
      values, columns: columns, pieces: pieces, inverses: inverses.span, costs: costs, on: pool)
    var frequencies = Trellis.Frequencies()
    var error = 0.0
    for (piece, codes) in zip(pieces, found) {
      frequencies += Trellis.Frequencies(codes.span)
      let width = piece.columns.count
      for (index, row) in piece.rows.enumerated() {
        let start = row * columns + piece.columns.lowerBound
        let part = index * width..<(index + 1) * width
        error +=
          gridError(
            values.extracting(start..<start + width), codes: codes.span.extracting(part),
            step: steps[row]
          ).error
      }
    }
    return (frequencies, error)
  }
}
