internal import Architecture
internal import Concurrency
internal import Kernels

extension TextTower {
  /// Runs texts through the tower and back again, and shows what went through each matrix.
  ///
  /// - Parameters:
  ///   - texts: token ids, as for `embed`.
  ///   - directions: for each text the direction in which its normalised embedding is looked at,
  ///     `[texts, projectionWidth]`.
  /// - Throws: as `embed`; what `visit` throws.
  public func trace(_ texts: [[Int]], directions: [Float], _ visit: Tracer) throws {
    precondition(
      directions.count == texts.count * projectionWidth,
      "\(directions.count) elements of directions for \(texts.count) texts")
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    guard !texts.isEmpty else { return }
    let transformer = configuration.transformer
    let width = transformer.width
    let packing = Packing(lengths: texts.map(length))
    let encoder = TracedEncoder(
      tower: .text, transformer: transformer, weights: weights, pool: pool, packing: packing,
      isCausal: true)
    let ends = packing.starts.dropFirst().map { $0 - 1 }
    let passage = try encoder.run(embedded(texts, packing))
    let last = passage.output
    let rows = ends.flatMap { last[$0 * width..<($0 + 1) * width] }

    let pooledGradient = try weights.traceHead(
      rows, norm: Names.textFinalNorm, projection: Names.textProjection, width: width,
      epsilon: transformer.layerNormEpsilon, directions: directions, pool, visit)
    var gradient = [Float](repeating: 0, count: packing.rows * width)
    for (index, end) in ends.enumerated() {
      gradient.replaceSubrange(
        end * width..<(end + 1) * width,
        with: pooledGradient[index * width..<(index + 1) * width])
    }
    try encoder.runBack(passage, &gradient, visit)
    let ids = texts.enumerated().flatMap { index, ids in
      ids.prefix(packing.starts[index + 1] - packing.starts[index]).map(Float.init)
    }
    try visit(
      LayerTrace(
        name: Names.tokenTable, input: ids, gradient: gradient, starts: packing.starts))
  }
}
