import Concurrency
import TestSupport
import Testing

@testable import Kernels

@Suite struct CholeskyTests {
  private let pool = WorkerPool(threads: 2)

  /// Sizes around the width of a panel.
  @Test(arguments: [1, 2, 63, 64, 65, 128, 200])
  func `a factor times its transpose is the matrix`(n: Int) {
    let a = Self.moments(n)
    var factor = a
    do {
      var span = factor.mutableSpan
      #expect(choleskyFactor(&span, n, on: pool))
    }
    for i in 0..<n {
      for j in 0...i {
        let product = (0...j).reduce(0.0) {
          $0 + Double(factor[i * n + $1]) * Double(factor[j * n + $1])
        }
        #expect(abs(product - Double(a[i * n + j])) < 2e-5 * Double(a[i * n + i] + a[j * n + j]))
      }
    }
  }

  @Test func `does not depend on the number of threads`() {
    let n = 150
    let factors = [1, 2, 3].map { threads in
      var factor = Self.moments(n)
      var span = factor.mutableSpan
      #expect(choleskyFactor(&span, n, on: WorkerPool(threads: threads)))
      return (0..<n).flatMap { factor[$0 * n...$0 * n + $0] }
    }
    #expect(factors[0] == factors[1] && factors[0] == factors[2])
  }

  @Test func `rows below the matrix are solved for the factor`() {
    let (n, below) = (130, 70)
    let moments = Self.moments(n)
    var random = SplitMix64(seed: 11)
    let rows = (0..<below * n).map { _ in Float.random(in: -1...1, using: &random) }
    var factor = moments + rows
    do {
      var span = factor.mutableSpan
      #expect(choleskyFactor(&span, n, below: below, on: pool))
    }
    for row in 0..<below {
      for i in 0..<n {
        let product = (0...i).reduce(0.0) {
          $0 + Double(factor[(n + row) * n + $1]) * Double(factor[i * n + $1])
        }
        #expect(abs(product - Double(rows[row * n + i])) < 1e-4)
      }
    }
  }

  @Test func `says so when a matrix is not positive definite`() {
    var a: [Float] = [1, 0, 0, 2, 1, 0, 0, 0, 1]
    var span = a.mutableSpan
    #expect(!choleskyFactor(&span, 3, on: pool))
  }

  /// Second moments of random rows, and a little more on the diagonal.
  static func moments(_ n: Int) -> [Float] {
    var random = SplitMix64(seed: 9)
    let rows = n + 4
    // Rows that have much in common, so that off the diagonal there is something to see.
    let common = (0..<n).map { _ in Float.random(in: -1...1, using: &random) }
    let x = (0..<rows).flatMap { _ in
      let share = Float.random(in: -2...2, using: &random)
      return (0..<n).map { Float.random(in: -1...1, using: &random) + share * common[$0] }
    }
    var moments = [Float](repeating: 0, count: n * n)
    var span = moments.mutableSpan
    addSecondMoments(x.span, width: n, to: &span, on: WorkerPool(threads: 2))
    for i in 0..<n { moments[i * n + i] += 0.1 }
    return moments
  }
}
