public import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// How many elements one thread takes at a time.
  private static let elementsPerSum = 1 << 16

  /// Σ (value − code · step)², in one order: the same number wherever it is computed.
  ///
  /// - Precondition: the codes have the tensor's shape, and there is a step for each row.
  public static func squaredError(
    of tensor: Tensor, codes: Tensor, steps: Buffer, pool: WorkerPool
  ) -> Double {
    sums(tensor, codes: codes, steps: steps, pool).error
  }

  /// That, and Σ value².
  static func sums(
    _ tensor: Tensor, codes: Tensor, steps: Buffer, _ pool: WorkerPool
  ) -> (error: Double, power: Double) {
    let columns = tensor.columns
    guard columns > 0 else { return (0, 0) }
    let rowsPerJob = max(1, elementsPerSum / columns)
    let sums = pool.map((tensor.rows + rowsPerJob - 1) / rowsPerJob) { index in
      let rows = index * rowsPerJob..<min((index + 1) * rowsPerJob, tensor.rows)
      return rows.reduce((error: 0.0, power: 0.0)) { sum, row in
        let part = rowError(tensor, codes, row, step: steps.span(of: Float.self)[row])
        return (sum.error + part.error, sum.power + part.power)
      }
    }
    return sums.reduce((0, 0)) { ($0.0 + $1.error, $0.1 + $1.power) }
  }

  private static func rowError(
    _ tensor: Tensor, _ codes: Tensor, _ row: Int, step: Float
  ) -> (error: Double, power: Double) {
    let range = row * tensor.columns..<(row + 1) * tensor.columns
    let width = codes.elementType == .int16 ? 2 : 1
    let bytes = codes.buffer.slice(width * range.lowerBound..<width * range.upperBound)
    return tensor.withFloats(range) { values in
      width == 2
        ? gridError(values, wideCodes: bytes.bytes, step: step)
        : gridError(values, codes: bytes.span(of: Int8.self), step: step)
    }
  }
}
