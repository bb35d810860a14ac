internal import Kernels

extension Weights {
  /// Takes pooled rows `[count, width]` to the shared space.
  func project(
    _ pooled: [Float], _ name: String, width: Int, to projectionWidth: Int, _ observe: Observer?,
    _ pool: WorkerPool
  ) throws -> Embeddings {
    let projection = try matrix(name, rows: projectionWidth, columns: width)
    var projected = [Float](repeating: 0, count: pooled.count / width * projectionWidth)
    var output = projected.mutableSpan
    linear(pooled.span, projection.span, into: &output, on: pool)
    try observe?(.projected, projected.span)
    return Embeddings(projected: projected, width: projectionWidth)
  }
}
