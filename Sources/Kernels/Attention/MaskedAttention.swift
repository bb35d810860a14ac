internal import Platform

/// Causal multi-head attention in which some keys are hidden, of few rows: plain and exact.
///
/// - Parameters:
///   - q, k, v: `[rows, width]`.
///   - starts: where each sequence begins, and after the last one, where it ends.
///   - visible: of each row whether it is seen as a key; each query sees one at least.
///   - output: `[rows, width]`.
public func maskedAttention(
  _ q: Span<Float>, _ k: Span<Float>, _ v: Span<Float>, starts: [Int], width: Int, heads: Int,
  visible: [Bool], into output: inout MutableSpan<Float>
) {
  let head = width / heads
  let scale = 1 / Double(head).squareRoot()
  for sequence in 0..<starts.count - 1 {
    for row in starts[sequence]..<starts[sequence + 1] {
      let keys = (starts[sequence]...row).filter { visible[$0] }
      for first in Swift.stride(from: 0, to: width, by: head) {
        let logits = keys.map { key in
          (first..<first + head).reduce(0.0) {
            $0 + Double(q[row * width + $1]) * Double(k[key * width + $1])
          } * scale
        }
        let most = logits.max() ?? 0
        let weights = logits.map { exp($0 - most) }
        let total = weights.reduce(0, +)
        for column in first..<first + head {
          var sum = 0.0
          for (index, key) in keys.enumerated() {
            sum += weights[index] * Double(v[key * width + column])
          }
          // A query that sees nothing has no answer; it is zero.
          output[row * width + column] = keys.isEmpty ? 0 : Float(sum / total)
        }
      }
    }
  }
}
