import Conversion

/// A comparison as a few lines for people.
enum ComparisonText {
  static func lines(_ comparison: Comparison) -> [String] {
    var lines: [String] = []
    for (name, agreement) in [("image", comparison.image), ("text ", comparison.text)] {
      guard let agreement else { continue }
      lines.append(
        "  \(name)   cosine \(decimal(agreement.cosineMinimum, 7)) lowest, "
          + "\(decimal(agreement.cosineMean, 7)) mean; centred "
          + "\(decimal(agreement.centredCosineMinimum, 5)) lowest; largest difference "
          + scientific(agreement.maximumDifference))
    }
    if let logits = comparison.logitsMaximumDifference, let top = comparison.topOneAgreement {
      lines.append(
        "  logits  largest difference \(decimal(logits, 4)); best text the same for "
          + "\(decimal(100 * top, 1)) % of pictures")
    }
    return lines
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
