internal import Bytes
internal import Towers

/// How far a tower has strayed from another at each stage: the length of the difference over the
/// length of the reference, over some rows of all probes.
public struct StageErrors: Equatable, Sendable {
  public var names: [String] = []
  public var errors: [Double] = []

  init() {}

  init(_ found: StageSample, with reference: StageSample) {
    for (stage, values) in reference.stages {
      guard let other = found.values[stage.description], other.count == values.count else {
        continue
      }
      var (error, power) = (0.0, 0.0)
      for (a, b) in zip(other, values) {
        error += (Double(a) - Double(b)) * (Double(a) - Double(b))
        power += Double(b) * Double(b)
      }
      names.append(stage.description)
      errors.append(error == 0 ? 0 : (error / power).squareRoot())
    }
  }

  /// The stage that errs most, or the first whose error is no number; `nil` without stages.
  public var worst: (name: String, error: Double)? {
    let pairs = zip(names, errors).map { (name: $0, error: $1) }
    return pairs.first { $0.error.isNaN } ?? pairs.max { $0.error < $1.error }
  }

  var json: JSON {
    .array(
      zip(names, errors).map { ["stage": .string($0), "relative_error": JSON(finite: $1)] })
  }

  init(decoding json: JSON?) {
    for entry in json?.array ?? [] {
      guard let name = entry["stage"]?.string else { continue }
      names.append(name)
      errors.append(entry["relative_error"]?.double ?? .nan)
    }
  }
}

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
