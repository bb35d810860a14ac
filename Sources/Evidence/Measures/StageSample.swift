internal import Towers

/// Some rows of what a tower computes at each stage; not all, so that memory stays small.
struct StageSample: Sendable {
  /// How many rows of a stage are kept.
  static let rows = 256

  private(set) var stages: [(stage: Stage, values: [Float])] = []
  private(set) var values: [String: [Float]] = [:]

  /// Keeps rows of a stage, evenly spread.
  mutating func take(_ stage: Stage, _ span: Span<Float>) {
    let width = stage.width
    let count = span.count / width
    let step = max(1, count / Self.rows)
    var kept: [Float] = []
    for row in stride(from: 0, to: count, by: step) {
      for index in row * width..<(row + 1) * width { kept.append(span[index]) }
    }
    stages.append((stage, kept))
    values[stage.description] = kept
  }
}
