internal import Architecture
internal import Concurrency
internal import Kernels

extension Weights {
  /// LayerNorm(x) with the weight and bias of a module, `[rows, width]`, in `Fixed` arithmetic.
  func tracedNorm(_ x: [Float], _ module: String, width: Int, epsilon: Float) throws -> [Float] {
    let weight = try vector(Names.weight(module), count: width)
    let bias = try vector(Names.bias(module), count: width)
    var output = [Float](repeating: 0, count: x.count)
    var span = output.mutableSpan
    Fixed.layerNorm(
      x.span, weight: weight.span, bias: bias.span, epsilon: epsilon, into: &span)
    return output
  }

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
    let pooled = try tracedNorm(rows, norm, width: width, epsilon: epsilon)
    let matrix = try matrix(projection, rows: projectionWidth, columns: width)
    var projected = [Float](repeating: 0, count: directions.count)
    var projectedSpan = projected.mutableSpan
    Fixed.linear(pooled.span, matrix.span, into: &projectedSpan, on: pool)

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
    Fixed.linearGradient(felt.span, matrix.span, addingTo: &pooledFeltSpan, on: pool)
    var result = [Float](repeating: 0, count: rows.count)
    var resultSpan = result.mutableSpan
    let weight = try vector(Names.weight(norm), count: width)
    Fixed.layerNormGradient(
      pooledFelt.span, rows.span, weight: weight.span, epsilon: epsilon, addingTo: &resultSpan)
    return result
  }
}
