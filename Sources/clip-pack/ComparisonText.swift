import Bytes
import Evidence
import PackFormat

/// A comparison as a few lines for people.
enum ComparisonText {
  static func lines(_ comparison: Comparison) -> [String] {
    var lines: [String] = []
    for (name, tower) in [("image", comparison.image), ("text ", comparison.text)] {
      guard let tower else { continue }
      lines.append(
        "  \(name)   cosine \(decimal(tower.cosineMinimum, 7)) lowest, "
          + "\(decimal(tower.cosineMean, 7)) mean; centred "
          + "\(decimal(tower.centredCosineMinimum, 5)) lowest; largest difference "
          + scientific(tower.maximumDifference))
    }
    for (name, stages) in [("image", comparison.imageStages), ("text ", comparison.textStages)] {
      guard let stages, let worst = stages.worst else { continue }
      let count = counted(stages.names.count, "stage")
      lines.append(
        worst.error == 0
          ? "  \(name)   exact in \(count)"
          : "  \(name)   relative error at most \(scientific(worst.error)) (\(worst.name)) in "
            + count)
    }
    if let answers = comparison.answers {
      lines += [
        "  logits  largest difference \(decimal(answers.maximumDifference, 4)), "
          + "\(decimal(answers.meanDifference, 4)) mean",
        "  best text    \(bar(answers.topOne)) the same for \(percent(answers.topOne)) of pictures",
        "  five best    \(bar(answers.topFive)) \(percent(answers.topFive)) kept",
        "  ranks        \(bar(answers.rankMinimum)) rank correlation "
          + "\(decimal(answers.rankMinimum, 4)) lowest",
      ]
    }
    if let index = comparison.index {
      lines.append(
        "  recall@\(index.depth)\(index.depth < 10 ? " " : "")    \(bar(index.originalIndex)) "
          + "\(percent(index.originalIndex)) original index, converted queries; "
          + "\(percent(index.convertedIndex)) converted index, original queries")
    }
    if let weakest = comparison.measures.weakest {
      lines.append(
        "  weakest      \(weakest.measure.name): \(decimal(weakest.value, 5))")
    }
    return lines
  }

  private static func percent(_ share: Double) -> String { decimal(100 * share, 1) + " %" }

  /// A share of 1 as twelve blocks.
  private static func bar(_ share: Double) -> String {
    let full = min(max(Int(saturating: (12 * share).rounded(.down)), 0), 12)
    return String(repeating: "█", count: full) + String(repeating: "░", count: 12 - full)
  }

  /// 0.00012 → `1.2e-04`.
  static func scientific(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 0.995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    let sign = value < 0 ? "-" : ""
    let digits = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    return "\(sign)\(decimal(mantissa, 1))e\(exponent < 0 ? "-" : "+")\(digits)"
  }
}
