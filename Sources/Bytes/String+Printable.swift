extension String {
  /// The text as a terminal may be shown it: names from files could hold characters that move the
  /// cursor, change colours, or turn the direction of writing around; they are written as JSON
  /// writes them, `\\u001b` for example, so that JSON stays what it was.
  public func printable() -> String {
    guard unicodeScalars.contains(where: \.isCommand) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case _ where scalar.isCommand:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Unicode.Scalar {
  /// Whether it tells a terminal to do something: the control characters, the separators of lines
  /// and paragraphs, and what sets the direction of writing (Unicode 17, annex 9). All are below
  /// U+10000.
  fileprivate var isCommand: Bool {
    switch value {
    case 0x00..<0x20, 0x7f..<0xa0: true
    case 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
