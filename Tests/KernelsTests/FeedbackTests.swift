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
    let plain = values.map { Int8(max(-127, min(127, ($0 / step).rounded()))) }
    let codes = round(values, factor, rows, columns, .nearest, pool)
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
      round(values, factor, 150, 100, .nearest, WorkerPool(threads: $0))
    }
    #expect(codes[0] == codes[1] && codes[0] == codes[2])
  }

  @Test func `finds paths through the trellis in every chain`() {
    let (rows, columns) = (70, 40)
    let (values, moments, factor) = sample(rows, columns)
    let layout = Trellis.Layout(rows: rows, columns: columns, block: 1_000)
    let nearest = round(values, factor, rows, columns, .nearest, pool)
    let costs = Trellis.Frequencies(nearest.span).spread.costs(price: 0)
    let codes = round(values, factor, rows, columns, .trellis(layout, costs), pool)
    let byRow = (0..<rows).flatMap { row in (0..<columns).map { codes[$0 * rows + row] } }
    for start in stride(from: 0, to: byRow.count, by: 1_000) {
      let block = Array(byRow[start..<min(start + 1_000, byRow.count)])
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
    var codes = [Int8](repeating: 1, count: values.count)
    var span = codes.mutableSpan
    roundWithFeedback(
      values.span, factor: factor.span, steps: steps.span, columns: 12, .nearest, into: &span,
      on: pool)
    #expect((0..<12).allSatisfy { codes[$0 * 20 + 7] == 0 })
  }

  private func round(
    _ values: [Float], _ factor: [Float], _ rows: Int, _ columns: Int, _ rounding: ColumnRounding,
    _ pool: WorkerPool
  ) -> [Int8] {
    let steps = [Float](repeating: step, count: rows)
    var codes = [Int8](repeating: 0, count: values.count)
    var span = codes.mutableSpan
    roundWithFeedback(
      values.span, factor: factor.span, steps: steps.span, columns: columns, rounding, into: &span,
      on: pool)
    return codes
  }

  /// A matrix column by column, second moments of its input, and their factor.
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
    _ values: [Float], _ codes: [Int8], _ moments: [Float], _ rows: Int, _ columns: Int
  ) -> Double {
    (0..<rows).reduce(0.0) { sum, row in
      let error = (0..<columns).map {
        Double(values[$0 * rows + row] - Float(codes[$0 * rows + row]) * step)
      }
      return (0..<columns).reduce(sum) { sum, i in
        (0...i).reduce(sum) { sum, j in
          sum + error[i] * error[j] * Double(moments[i * columns + j]) * (i == j ? 1 : 2)
        }
      }
    }
  }
}
