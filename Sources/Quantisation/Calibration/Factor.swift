internal import Bytes
internal import Kernels

/// The factor L of the second moments L·Lᵀ of what goes into a layer, and what follows from it.
///
/// Its lower triangle is kept in float16: it is as large as the weights, and what rounding it does
/// to the codes is far below what other inputs would.
final class Factor: Sendable {
  private let width: Int
  /// Row by row, without what is above the diagonal.
  private let halves: Buffer
  /// The loss with feedback over that without, at equal steps, on inputs that L was not made of.
  let gain: Double
  /// By how many times its own variance the rounding error of later columns moves a column.
  let spread: Double

  /// - Parameter lower: L, `[width, width]`, of which the lower triangle is read.
  init(_ lower: Span<Float>, width: Int, gain: Double) {
    self.width = width
    self.gain = gain
    var halves = [UInt8](repeating: 0, count: width * (width + 1))
    var squares = [Double](repeating: 0, count: width)
    do {
      var all = halves.mutableSpan
      var bytes = unsafe all.mutableBytes
      for row in 0..<width {
        let start = row * width
        let at = row * (row + 1) / 2
        var output = bytes._mutatingExtracting(2 * at..<2 * (at + row + 1))
        _ = unsafe Half.float16.narrow(
          lower.extracting(start...start + row).bytes, into: &output)
        for column in 0..<row {
          squares[column] += Double(lower[start + column]) * Double(lower[start + column])
        }
      }
    }
    self.halves = Buffer(halves)
    spread =
      (0..<width).reduce(0.0) { sum, column in
        let pivot = Double(lower[column * width + column])
        return sum + squares[column] / (pivot * pivot)
      } / Double(max(width, 1))
  }

  /// L, `[width, width]`, with zeros above the diagonal.
  var lower: [Float] {
    let halves = halves
    var lower = [Float](repeating: 0, count: width * width)
    var all = lower.mutableSpan
    for row in 0..<width {
      let at = row * (row + 1) / 2
      var output = all._mutatingExtracting(row * width...row * width + row)
      Half.float16.widen(
        halves.bytes.extracting(2 * at..<2 * (at + row + 1)), into: &output)
    }
    return lower
  }
}
