internal import Concurrency
internal import Kernels

extension Weights {
  /// Takes pooled rows `[count, width]` to the shared space.
  func project(
    _ pooled: [Float], _ name: String, width: Int, to projectionWidth: Int, _ compute: Compute,
    _ observe: Observer?, _ watch: Stopwatch?, _ pool: WorkerPool
  ) throws -> Embeddings {
    let projection = try matrix(name, rows: projectionWidth, columns: width)
    var projected = [Float](repeating: 0, count: pooled.count / width * projectionWidth)
    var output = projected.mutableSpan
    var input = LayerInput()
    input.take(width)
    input.multiply(pooled, projection.span, into: &output, in: compute.atTheEnd, on: pool)
    watch?.count(2 * output.count * width)
    watch?.lap(.projection)
    try observe?(.projected, projected.span)
    return Embeddings(projected: projected, width: projectionWidth)
  }
}

extension Compute {
  /// What the last product of a tower is computed in: its errors reach the embedding undiminished, and
  /// it takes little time.
  var atTheEnd: Compute { self == .int8 ? .bf16 : self }
}
