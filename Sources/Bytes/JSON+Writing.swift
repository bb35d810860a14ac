extension JSON: CustomStringConvertible {
  /// The value on one line, without white space between tokens.
  public var description: String { text(indent: nil) }

  /// The value over several lines, two spaces a level, for people.
  public var indented: String { text(indent: 0) }

  /// - Parameter indent: the level that stands around the value; `nil` writes on one line.
  private func text(indent: Int?) -> String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): Self.text(of: value)
    case .string(let value): Self.quoted(value)
    case .array(let elements):
      Self.joined(elements.map { $0.text(indent: indent.map { $0 + 1 }) }, "[", "]", indent)
    case .object(let object):
      Self.joined(
        object.keys.map { key in
          Self.quoted(key) + (indent == nil ? ":" : ": ")
            + (object[key] ?? .null).text(indent: indent.map { $0 + 1 })
        }, "{", "}", indent)
    }
  }

  /// The shortest digits that read back as the same double; JSON has no word for NaN and the
  /// infinities, which arithmetic on a file's numbers may give: they become null.
  private static func text(of value: Double) -> String {
    value.isFinite ? value.description : "null"
  }

  private static func joined(
    _ items: [String], _ open: String, _ close: String, _ indent: Int?
  ) -> String {
    guard let indent, !items.isEmpty else { return open + items.joined(separator: ",") + close }
    let margin = String(repeating: "  ", count: indent + 1)
    return open + "\n" + items.map { margin + $0 }.joined(separator: ",\n") + "\n"
      + String(repeating: "  ", count: indent) + close
  }

  /// A string in quotes, with the escapes that RFC 8259 demands and no others.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
