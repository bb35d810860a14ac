extension JSON {
  /// How deep arrays and objects may nest. Published configurations stay below 10.
  public static let maximumDepth = 128

  /// How many values one text may hold, so that no file takes more than a second and some 100 MB.
  /// The largest tokenizers hold fewer.
  public static let maximumValues = 1_000_000

  /// Parses one JSON text, which must fill the bytes but for white space around it.
  ///
  /// - Parameter origin: the absolute offset in the file of the first byte; errors are relative to
  ///   the file.
  /// - Throws: `invalidField` at the first byte that RFC 8259 does not allow there, at a key that
  ///   its object already has, at text that is not UTF-8, below 128 levels and after a million
  ///   values.
  public init(parsing bytes: Span<UInt8>, origin: Int = 0) throws(FormatError) {
    var parser = Parser(bytes: bytes, origin: origin)
    self = try parser.document()
  }

  public init(parsing text: String) throws(FormatError) {
    try self.init(parsing: Array(text.utf8).span)
  }
}

private struct Parser: ~Escapable {
  private let bytes: Span<UInt8>
  private let origin: Int
  private var position = 0
  private var depth = 0
  private var values = 0

  @_lifetime(copy bytes)
  init(bytes: Span<UInt8>, origin: Int) {
    self.bytes = bytes
    self.origin = origin
  }

  mutating func document() throws(FormatError) -> JSON {
    skipWhiteSpace()
    let value = try value()
    skipWhiteSpace()
    guard position == bytes.count else { throw unexpected("the end of the JSON text") }
    return value
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func value() throws(FormatError) -> JSON {
    values += 1
    guard values <= JSON.maximumValues else {
      throw FormatError(
        .invalidField, "JSON text holds more than \(JSON.maximumValues) values",
        at: origin + position)
    }
    switch next {
    case UInt8(ascii: "{"):
      return try nested { (parser) throws(FormatError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(FormatError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"): return try number()
    case .some(let byte) where isDigit(byte): return try number()
    default: throw unexpected("a JSON value")
    }
  }

  private mutating func nested(
    _ body: (inout Parser) throws(FormatError) -> JSON
  ) throws(FormatError) -> JSON {
    depth += 1
    defer { depth -= 1 }
    guard depth <= JSON.maximumDepth else {
      throw FormatError(
        .invalidField, "JSON nests \(depth) levels, at most \(JSON.maximumDepth) are allowed",
        at: origin + position)
    }
    position += 1
    skipWhiteSpace()
    return try body(&self)
  }

  private mutating func object() throws(FormatError) -> JSON {
    var object = JSON.Object()
    if take("}") { return .object(object) }
    while true {
      guard next == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      let start = position
      let key = try string()
      guard object[key] == nil else {
        throw FormatError(
          .invalidField, "key \"\(key)\" stands twice in one object", at: origin + start)
      }
      skipWhiteSpace()
      guard take(":") else { throw unexpected("':'") }
      skipWhiteSpace()
      object[key] = try value()
      skipWhiteSpace()
      if take("}") { return .object(object) }
      guard take(",") else { throw unexpected("',' or '}'") }
      skipWhiteSpace()
    }
  }

  private mutating func array() throws(FormatError) -> JSON {
    var elements: [JSON] = []
    if take("]") { return .array(elements) }
    while true {
      elements.append(try value())
      skipWhiteSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw unexpected("',' or ']'") }
      skipWhiteSpace()
    }
  }

  private mutating func number() throws(FormatError) -> JSON {
    let start = position
    _ = take("-")
    guard let first = next, isDigit(first) else { throw unexpected("a digit") }
    position += 1
    if first != UInt8(ascii: "0") { skipDigits() }
    var isWhole = true
    if take(".") {
      isWhole = false
      guard let digit = next, isDigit(digit) else { throw unexpected("a digit") }
      skipDigits()
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("-") { _ = take("+") }
      guard let digit = next, isDigit(digit) else { throw unexpected("a digit") }
      skipDigits()
    }
    let text = ascii(start..<position)
    if isWhole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw FormatError(
        .invalidField, "number \(text) does not fit a double", at: origin + start)
    }
    return .number(value)
  }

  private mutating func string() throws(FormatError) -> String {
    let start = position
    if let text = try plainString() { return text }
    position += 1
    var utf8: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let text = String(validating: utf8, as: UTF8.self) else {
          throw FormatError(.invalidField, "string is not UTF-8", at: origin + start)
        }
        return text
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &utf8)
      case 0..<0x20:
        throw unexpected("an escape for a control character")
      default:
        utf8.append(byte)
        position += 1
      }
    }
    throw FormatError(.truncated, "string has no closing quote", at: origin + start)
  }

  /// A string without escapes, which most are, copied whole; `nil`, and nothing read, for others.
  private mutating func plainString() throws(FormatError) -> String? {
    var end = position + 1
    while end < bytes.count, case let byte = bytes[end], byte >= 0x20, byte != UInt8(ascii: "\\") {
      if byte == UInt8(ascii: "\"") {
        let text = bytes.extracting(position + 1..<end)
        guard let utf8 = try? UTF8Span(validating: text) else {
          throw FormatError(.invalidField, "string is not UTF-8", at: origin + position)
        }
        position = end + 1
        return String(copying: utf8)
      }
      end += 1
    }
    return nil
  }

  private mutating func escape(into utf8: inout [UInt8]) throws(FormatError) {
    guard let byte = next else { throw unexpected("an escape") }
    let plain: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = byte
    case UInt8(ascii: "b"): plain = 0x08
    case UInt8(ascii: "f"): plain = 0x0c
    case UInt8(ascii: "n"): plain = 0x0a
    case UInt8(ascii: "r"): plain = 0x0d
    case UInt8(ascii: "t"): plain = 0x09
    case UInt8(ascii: "u"):
      position += 1
      var scalar = UInt32(try hexadecimal())
      if 0xd800..<0xdc00 ~= scalar, take("\\"), take("u") {
        let low = UInt32(try hexadecimal())
        guard 0xdc00..<0xe000 ~= low else { throw unexpected("a low surrogate") }
        scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(scalar) else { throw unexpected("a surrogate pair") }
      utf8.append(contentsOf: Array(String(Character(scalar)).utf8))
      return
    default: throw unexpected("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
    }
    utf8.append(plain)
    position += 1
  }

  private mutating func hexadecimal() throws(FormatError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw unexpected("a hexadecimal digit")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  private mutating func literal(_ text: StaticString, _ value: JSON) throws(FormatError) -> JSON {
    for scalar in "\(text)".utf8 {
      guard next == scalar else { throw unexpected("\(text)") }
      position += 1
    }
    return value
  }

  private mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  private mutating func skipDigits() {
    while let byte = next, isDigit(byte) { position += 1 }
  }

  private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func ascii(_ range: Range<Int>) -> String {
    String(decoding: range.map { bytes[$0] }, as: UTF8.self)
  }

  private func unexpected(_ wanted: String) -> FormatError {
    guard let byte = next else {
      return FormatError(.truncated, "JSON text ends before \(wanted)", at: origin + position)
    }
    let found =
      0x21..<0x7f ~= byte ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(hexadecimalText(byte))"
    return FormatError(
      .invalidField, "\(found) stands where \(wanted) is expected", at: origin + position)
  }

  private func hexadecimalText(_ byte: UInt8) -> String {
    "0x" + String(byte, radix: 16)
  }
}
