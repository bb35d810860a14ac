internal import Concurrency
internal import Kernels
internal import Towers

/// The second moments of what goes into a layer, and some of its rows to judge them by.
struct Moments {
  /// What is added to the second moments' diagonal, as a share of its mean: what was not seen among
  /// the inputs may still come.
  private static let damping: Float = 0.1
  /// Of so many inputs one is kept to judge by.
  private static let judged = 5
  /// How many rows judge, at most.
  private static let mostJudges = 96

  private let width: Int
  private let seen: [Float]
  private let judges: [Float]

  /// `nil` where nothing comes in.
  init?(of input: LayerInput) {
    width = input.width
    guard width > 0, !input.rows.isEmpty else { return nil }
    var (seen, unseen): ([Range<Int>], [Int]) = ([], [])
    for index in 0..<input.starts.count - 1 {
      let rows = input.starts[index]..<input.starts[index + 1]
      if index % Self.judged == Self.judged - 1 { unseen += rows } else { seen.append(rows) }
    }
    self.seen = seen.flatMap { rows in
      input.rows[rows.lowerBound * input.width..<rows.upperBound * input.width]
    }
    let count = min(unseen.count, Self.mostJudges)
    judges = (0..<count).flatMap { index in
      let row = unseen[index * unseen.count / count]
      return input.rows[row * input.width..<(row + 1) * input.width]
    }
  }

  /// `nil` where there is none, of inputs that are zero or no numbers.
  func factor(_ pool: WorkerPool) -> Factor? {
    let n = width
    let below = judges.count / n
    var lower = [Float](repeating: 0, count: n * n) + judges
    do {
      var span = lower.mutableSpan
      var moments = span._mutatingExtracting(0..<n * n)
      addSecondMoments(seen.span, width: n, to: &moments, on: pool)
    }
    let mean = (0..<n).reduce(0.0) { $0 + Double(lower[$1 * n + $1]) } / Double(n)
    guard mean > 0, mean.isFinite else { return nil }
    // Scaled to a mean of 1: only proportions matter, and single precision holds them.
    let inverse = Float(1 / mean)
    for row in 0..<n {
      for i in row * n...row * n + row { lower[i] *= inverse }
      lower[row * n + row] += Self.damping
    }
    do {
      var span = lower.mutableSpan
      guard choleskyFactor(&span, n, below: below, on: pool) else { return nil }
    }
    return Factor(
      lower.span.extracting(0..<n * n), width: n, gain: gain(lower.span, below))
  }

  /// Of a row x the part of each element that those before it do not tell, L[j,j] · (L⁻¹x)[j], is
  /// what an error of its column costs with feedback; without, it is x[j].
  private func gain(_ factor: Span<Float>, _ below: Int) -> Double {
    let n = width
    var (with, without) = (0.0, 0.0)
    for row in 0..<below {
      for j in 0..<n {
        let part = Double(factor[j * n + j]) * Double(factor[(n + row) * n + j])
        with += part * part
        without += Double(judges[row * n + j]) * Double(judges[row * n + j])
      }
    }
    return without > 0 ? min(with / without, 1) : 1
  }
}
