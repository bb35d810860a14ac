internal import Bytes

/// Walks through JSON text without making values of it: a `tokenizer.json` of 34 MB holds a million
/// of them, and keys that `String` would take for the same.
struct JSONCursor: ~Escapable {
  private let bytes: Span<UInt8>
  private(set) var position = 0

  /// - Throws: `invalidField` where the bytes are not UTF-8.
  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) throws(FormatError) {
    guard (try? UTF8Span(validating: bytes)) != nil else {
      throw FormatError(.invalidField, "JSON text is not UTF-8")
    }
    self.bytes = bytes
    skipWhiteSpace()
  }

  /// A cursor at another place of the same text.
  @_lifetime(copy other)
  init(_ other: borrowing JSONCursor, at position: Int) {
    bytes = other.bytes
    self.position = position
  }

  /// The byte that comes next; `nil` at the end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Calls `body` with every key of the object that begins here, standing at its value, which
  /// `body` takes or skips.
  mutating func members(
    _ body: (inout JSONCursor, _ key: [UInt8]) throws(FormatError) -> Void
  ) throws(FormatError) {
    try take("{")
    if try isTaken("}") { return }
    while true {
      let key = try string()
      try take(":")
      try body(&self, key)
      skipWhiteSpace()
      if try isTaken("}") { return }
      try take(",")
    }
  }

  /// Calls `body` at every element of the array that begins here.
  mutating func elements(
    _ body: (inout JSONCursor) throws(FormatError) -> Void
  ) throws(FormatError) {
    try take("[")
    if try isTaken("]") { return }
    while true {
      try body(&self)
      skipWhiteSpace()
      if try isTaken("]") { return }
      try take(",")
    }
  }

  /// The UTF-8 of the string that begins here.
  mutating func string() throws(FormatError) -> [UInt8] {
    let start = position
    guard next == UInt8(ascii: "\"") else { throw unexpected("a string") }
    position += 1
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      position += 1
      return bytes.extracting(start + 1..<position - 1).array
    }
    // Escapes are rare: the parser of values knows them.
    position = start
    guard let text = try value().string else { throw unexpected("a string") }
    return Array(text.utf8)
  }

  /// The whole number that begins here.
  mutating func integer() throws(FormatError) -> Int {
    let start = position
    guard let value = try value().int else {
      position = start
      throw unexpected("an integer")
    }
    return value
  }

  /// The number that begins here.
  mutating func number() throws(FormatError) -> Double {
    let start = position
    guard let value = try value().double else {
      position = start
      throw unexpected("a number")
    }
    return value
  }

  /// The value that begins here.
  mutating func value() throws(FormatError) -> JSON {
    let start = position
    try skip()
    return try JSON(parsing: bytes.extracting(start..<position), origin: start)
  }

  /// Skips the value that begins here. What it consists of is checked by who reads it.
  mutating func skip() throws(FormatError) {
    skipWhiteSpace()
    var depth = 0
    repeat {
      guard let byte = next else { throw unexpected("a value's end") }
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard depth > 0 else { throw unexpected("a value") }
        depth -= 1
        position += 1
      case UInt8(ascii: "\""): try skipString()
      case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0a, 0x0d:
        guard depth > 0 else { throw unexpected("a value") }
        position += 1
      default: skipWord()
      }
    } while depth > 0
  }

  private mutating func skipString() throws(FormatError) {
    position += 1
    while let byte = next {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
      if byte == UInt8(ascii: "\"") { return }
    }
    position = bytes.count
    throw unexpected("a closing quote")
  }

  private mutating func skipWord() {
    while let byte = next {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "}"), UInt8(ascii: "]"),
        UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "["), 0x20, 0x09, 0x0a, 0x0d:
        return
      default: position += 1
      }
    }
  }

  mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) throws(FormatError) {
    skipWhiteSpace()
    guard next == UInt8(ascii: character) else { throw unexpected("'\(character)'") }
    position += 1
    skipWhiteSpace()
  }

  private mutating func isTaken(_ character: Unicode.Scalar) throws(FormatError) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func unexpected(_ wanted: String) -> FormatError {
    guard let byte = next else {
      return FormatError(.truncated, "JSON text ends before \(wanted)", at: position)
    }
    let found =
      0x21..<0x7f ~= byte ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte.hexadecimal)"
    return FormatError(
      .invalidField, "\(found) stands where \(wanted) is expected", at: position)
  }
}

extension Span<UInt8> {
  /// A copy.
  var array: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}
