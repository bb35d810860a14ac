internal import Architecture

/// The activations of one batch, allocated once for all blocks. Row-major, a row for each token.
struct Workspace {
  /// The residual stream, `[rows, width]`.
  var hidden: [Float]
  /// LayerNorm's result, and the mix of values that attention makes of it, `[rows, width]`.
  var normed: [Float]
  /// `[rows, width]`
  var query: [Float]
  /// `[keys.rows, width]`
  var key: [Float]
  /// `[keys.rows, width]`
  var value: [Float]
  /// `[rows, hiddenWidth]`
  var expanded: [Float]
  /// What the next linear layers take.
  var input = LayerInput()
  /// Which rows are of which sequence.
  private(set) var queries: Packing
  let keys: Packing

  private let width: Int
  private let hiddenWidth: Int

  var rows: Int { queries.rows }

  init(_ hidden: [Float], _ packing: Packing, _ transformer: Configuration.Transformer) {
    precondition(
      hidden.count == packing.rows * transformer.width,
      "\(hidden.count) floats for \(packing.rows) rows of \(transformer.width)")
    let row = [Float](repeating: 0, count: hidden.count)
    self.hidden = hidden
    normed = row
    query = row
    key = row
    value = row
    expanded = Array(repeating: 0, count: packing.rows * transformer.hiddenWidth)
    queries = packing
    keys = packing
    width = transformer.width
    hiddenWidth = transformer.hiddenWidth
  }

  /// Lets go of all rows but these, one for each sequence; keys and values stay.
  mutating func keep(_ kept: [Int]) {
    gather(kept, &hidden)
    gather(kept, &normed)
    query.removeLast(query.count - kept.count * width)
    expanded.removeLast(expanded.count - kept.count * hiddenWidth)
    queries = .singles(kept.count)
  }

  private func gather(_ kept: [Int], _ matrix: inout [Float]) {
    matrix = kept.flatMap { matrix[$0 * width..<($0 + 1) * width] }
  }
}
