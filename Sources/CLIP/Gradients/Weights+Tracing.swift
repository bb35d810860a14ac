internal import Architecture
internal import Kernels

extension Weights {
  /// How much the pooled rows before the last LayerNorm are felt, `[count, width]`.
  ///
  /// The answer of each input is its normalised embedding's component along a direction.
  ///
  /// - Parameters:
  ///   - rows: before the LayerNorm, `[count, width]`.
  ///   - directions: `[count, projectionWidth]`.
  func traceHead(
    _ rows: [Float], norm: String, projection: String, width: Int, epsilon: Float,
    directions: [Float], _ pool: WorkerPool, _ visit: Tracer
  ) throws -> [Float] {
    let count = rows.count / width
    let projectionWidth = directions.count / count
    var pooled = [Float](repeating: 0, count: rows.count)
    var pooledSpan = pooled.mutableSpan
    try normalise(rows.span, norm, width: width, epsilon: epsilon, into: &pooledSpan, on: pool)
    let matrix = try matrix(projection, rows: projectionWidth, columns: width)
    var projected = [Float](repeating: 0, count: directions.count)
    var projectedSpan = projected.mutableSpan
    linear(pooled.span, matrix.span, into: &projectedSpan, on: pool)

    // The derivative of u · p / |p| is (u − (u · ê) ê) / |p|.
    var felt = directions
    for start in stride(from: 0, to: felt.count, by: projectionWidth) {
      let range = start..<start + projectionWidth
      let squares = range.reduce(Float(0)) { $0 + projected[$1] * projected[$1] }
      guard squares > 0 else { continue }
      let along = range.reduce(Float(0)) { $0 + directions[$1] * projected[$1] } / squares
      let inverse = 1 / squares.squareRoot()
      for i in range { felt[i] = (directions[i] - along * projected[i]) * inverse }
    }
    try visit(
      LayerTrace(name: projection, input: pooled, gradient: felt, starts: Array(0...count)))

    var pooledFelt = [Float](repeating: 0, count: rows.count)
    var pooledFeltSpan = pooledFelt.mutableSpan
    linearGradient(felt.span, matrix.span, into: &pooledFeltSpan, on: pool)
    var result = [Float](repeating: 0, count: rows.count)
    var resultSpan = result.mutableSpan
    let weight = try vector(Names.weight(norm), count: width)
    layerNormGradient(
      pooledFelt.span, rows.span, weight: weight.span, epsilon: epsilon, addingTo: &resultSpan)
    return result
  }
}

/// Keeps the residual stream between blocks.
final class BlockInputs {
  private(set) var rows: [[Float]] = []

  func observe(_ stage: Stage, _ values: Span<Float>) {
    switch stage {
    case .embeddings, .block: rows.append(values.indices.map { values[$0] })
    case .pooled, .projected: break
    }
  }
}
