internal import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// How many elements of a tensor are looked at together: about a block of a pack.
  private static let elementsPerEstimate = 1 << 18

  /// How many bytes the codes and steps of a tensor take in a compact pack at that step, within
  /// half a percent for tensors of more than one block.
  ///
  /// - Throws: as `init` does.
  public static func storedSize(
    of tensor: Tensor, step: Float, pool: WorkerPool
  ) throws(CodecError) -> Double {
    let (width, steps) = try steps(of: tensor, near: step, pool)
    let (rows, columns) = (tensor.rows, tensor.columns)
    guard columns > 0 else { return Double(4 * rows) }
    // Of wide codes the upper 8 bits are entropy-coded; the bits below cost themselves.
    var low = 0
    if width == 2 {
      let peak = tensor.reach(in: steps)
      while peak >> low > 127 { low += 1 }
    }
    let lowBits = low
    let shrink = Float(1 << lowBits)
    let rowsPerJob = max(1, elementsPerEstimate / columns)
    let sizes = pool.map((rows + rowsPerJob - 1) / rowsPerJob) { index in
      let range = index * rowsPerJob..<min((index + 1) * rowsPerJob, rows)
      var codes = [Int8](repeating: 0, count: range.count * columns)
      tensor.withFloats(range.lowerBound * columns..<range.upperBound * columns) { floats in
        var all = codes.mutableSpan
        for row in 0..<range.count {
          let part = row * columns..<(row + 1) * columns
          let step = steps[range.lowerBound + row]
          var output = all._mutatingExtracting(part)
          quantise(
            floats.extracting(part), by: step >= .leastNormalMagnitude ? 1 / (step * shrink) : 0,
            into: &output)
        }
      }
      return Rans.size(codes.span) + Double(lowBits * codes.count) / 8
    }
    // The steps are hardly compressible where they differ, and nothing where they do not.
    let distinct = Set(steps).count
    return sizes.reduce(0, +) + (distinct > 2 ? 3.7 * Double(rows) : 24)
  }
}

extension Tensor {
  /// The largest magnitude of a code.
  fileprivate func reach(in steps: [Float]) -> Int {
    var reach: Float = 0
    for row in 0..<rows where steps[row] >= .leastNormalMagnitude {
      let peak = withFloats(row * columns..<(row + 1) * columns) {
        Float(bitPattern: peakBits($0))
      }
      reach = max(reach, peak / steps[row])
    }
    return min(Int(saturating: Double(reach.rounded())), 32_767)
  }
}
