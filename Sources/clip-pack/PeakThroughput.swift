import Concurrency
import Kernels

/// The highest rate of a linear layer here, in operations a second: everything lies in the caches,
/// and there are rows enough that packing the weights counts nothing. The weights are floats for
/// float32, else coded. The best of some tries.
///
/// What a whole model reaches can be held against it on the spot, whatever the machine does beside.
func peakThroughput(of compute: Compute, on pool: WorkerPool) -> Double {
  let (m, n, k) = (240, 4 * CodePanels.height * pool.threads, 768)
  let x = (0..<m * k).map { Float($0 % 251) / 125 - 1 }
  let codes = (0..<n * k).map { Int8(truncatingIfNeeded: $0 &* 91 &+ $0 / 5) }
  let floats = codes.map { Float($0) / 128 }
  let steps = [Float](repeating: 1.0 / 128, count: n)
  let sums = [Int32](repeating: 0, count: n)
  var output = [Float](repeating: 0, count: m * n)
  var bytes = ByteRows()
  bytes.quantise(x.span, width: k, bits: compute == .int8 ? 8 : 16, on: pool)
  let clock = ContinuousClock()
  let times = (0..<12).map { _ in
    let start = clock.now
    var span = output.mutableSpan
    let coded = unsafe MatrixSpan(
      panels: codes.span.bytes, steps: steps.span, sums: sums.span, rows: n, columns: k)
    switch compute {
    case .int8, .bf16: linear(bytes, coded, into: &span, on: pool)
    case .f32:
      let matrix = unsafe MatrixSpan(float32: floats.span.bytes, rows: n, columns: k)
      linear(x.span, matrix, into: &span, on: pool)
    }
    return start.duration(to: clock.now) / .seconds(1)
  }
  return 2 * Double(m * n * k) / times.min()!
}
