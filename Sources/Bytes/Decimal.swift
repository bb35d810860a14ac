/// A number with as many digits as it needs: 1 and 2.5, not 1.0.
public func plain(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A number with `digits` digits after the point; as Swift prints it where it is not finite, or too
/// large for that.
public func decimal(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
  let scaled = (abs(value) * factor).rounded()
  guard scaled < 9e15 else { return "\(value)" }
  let whole = Int(saturating: scaled) / Int(saturating: factor)
  let rest = String(Int(saturating: scaled) % Int(saturating: factor))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return digits == 0
    ? sign + String(whole)
    : sign + "\(whole)." + String(repeating: "0", count: digits - rest.count) + rest
}
