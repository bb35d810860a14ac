import Concurrency
import TestSupport
import Testing

@testable import Kernels

/// Rounding with feedback against rounding each element, by what a layer's output errs.
@Suite struct FeedbackTests {
  private let pool = WorkerPool(threads: 2)
  private let step: Float = 0.25

  @Test(arguments: [(40, 30), (17, 64), (64, 65), (130, 200)])
  func `errs much less in what the layer gives, at the same step`(rows: Int, columns: Int) {
    let (values, moments, factor) = sample(rows, columns)
    let plain = values.map { Int16(($0 / step).rounded()) }
    let codes = round(values, factor, rows, columns, .nearest(limit: 127), pool)
    let (before, after) = (
      loss(values, plain, moments, rows, columns), loss(values, codes, moments, rows, columns)
    )
    // The rows of the input share a direction: most of what one column errs, others can make up
    // for.
    #expect(after < 0.6 * before, "\(after) of \(before)")
  }

  @Test func `does not depend on the number of threads`() {
    let (values, _, factor) = sample(150, 100)
    let codes = [1, 2, 3].map {
      round(values, factor, 150, 100, .nearest(limit: 127), WorkerPool(threads: $0))
    }
    #expect(codes[0] == codes[1] && codes[0] == codes[2])
  }

  /// Of 16 bits as of 8: the same error for the same step, beyond ±127 too.
  @Test func `rounds to codes of 16 bits`() {
    let (rows, columns) = (130, 70)
    let (values, moments, factor) = sample(rows, columns)
    let fine = step / 256
    let codes = round(
      values, factor, rows, columns, .nearest(limit: 32_767), pool, step: fine)
    #expect(codes.contains { abs($0) > 127 })
    let plain = values.map { Int16(($0 / fine).rounded()) }
    let (before, after) = (
      loss(values, plain, moments, rows, columns, step: fine),
      loss(values, codes, moments, rows, columns, step: fine)
    )
    #expect(after < 0.6 * before, "\(after) of \(before)")
    let clipped = round(values, factor, rows, columns, .nearest(limit: 127), pool, step: fine)
    #expect(clipped.allSatisfy { abs($0) <= 127 } && clipped.contains(127))
  }

  /// Blocks of whole rows, which are strips of their own, and others.
  @Test(arguments: [1_000, 1_200])
  func `finds paths through the trellis in every chain`(block: Int) {
    let (rows, columns) = (70, 40)
    let (values, moments, factor) = sample(rows, columns)
    let layout = Trellis.Layout(rows: rows, columns: columns, block: block)
    let nearest = round(values, factor, rows, columns, .nearest(limit: 127), pool)
    let bytes = nearest.map(Int8.init)
    let costs = Trellis.Frequencies(bytes.span).spread.costs(price: 0)
    let codes = round(values, factor, rows, columns, .trellis(layout, costs), pool)
    let byRow = codes.map(Int8.init)
    for start in stride(from: 0, to: byRow.count, by: block) {
      let block = Array(byRow[start..<min(start + block, byRow.count)])
      let isPath = Trellis.allows(block.span, columns: columns)
      #expect(isPath)
    }
    // Codes twice as sparse err up to four times as much; the search makes up for a part.
    let (plain, path) = (
      loss(values, nearest, moments, rows, columns), loss(values, codes, moments, rows, columns)
    )
    #expect(path < 3.6 * plain && path > plain, "\(path), \(plain)")
  }

  @Test func `leaves rows without a step at zero`() {
    let (values, _, factor) = sample(20, 12)
    var steps = [Float](repeating: step, count: 20)
    steps[7] = 0
    var codes = [Int16](repeating: 1, count: values.count)
    var span = codes.mutableSpan
    roundWithFeedback(
      values.span, factor: factor.span, steps: steps.span, columns: 12, .nearest(limit: 127),
      into: &span, on: pool)
    #expect((0..<12).allSatisfy { codes[7 * 12 + $0] == 0 })
  }

  private func round(
    _ values: [Float], _ factor: [Float], _ rows: Int, _ columns: Int, _ rounding: ColumnRounding,
    _ pool: WorkerPool, step: Float = 0.25
  ) -> [Int16] {
    let steps = [Float](repeating: step, count: rows)
    var codes = [Int16](repeating: 0, count: values.count)
    var span = codes.mutableSpan
    roundWithFeedback(
      values.span, factor: factor.span, steps: steps.span, columns: columns, rounding, into: &span,
      on: pool)
    return codes
  }

  /// A matrix, second moments of its input, and their factor.
  private func sample(
    _ rows: Int, _ columns: Int
  ) -> (values: [Float], moments: [Float], factor: [Float]) {
    var random = SplitMix64(seed: 3)
    let values = (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &random) }
    let moments = CholeskyTests.moments(columns)
    var factor = moments
    var span = factor.mutableSpan
    #expect(choleskyFactor(&span, columns, on: pool))
    return (values, moments, factor)
  }

  /// Σ over rows of eᵀ · A · e.
  private func loss(
    _ values: [Float], _ codes: [Int16], _ moments: [Float], _ rows: Int, _ columns: Int,
    step: Float = 0.25
  ) -> Double {
    (0..<rows).reduce(0.0) { sum, row in
      let error = (0..<columns).map {
        Double(values[row * columns + $0] - Float(codes[row * columns + $0]) * step)
      }
      return (0..<columns).reduce(sum) { sum, i in
        (0...i).reduce(sum) { sum, j in
          sum + error[i] * error[j] * Double(moments[i * columns + j]) * (i == j ? 1 : 2)
        }
      }
    }
  }
}
