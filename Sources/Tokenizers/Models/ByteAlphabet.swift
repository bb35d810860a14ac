/// GPT-2's alphabet: every byte as one printable character, so that a vocabulary is plain text.
///
/// Printable Latin-1 characters stand for themselves; the other 68 bytes are, in ascending order,
/// U+0100, U+0101 … (a space is U+0120 `Ġ`).
enum ByteAlphabet {
  /// What closes the last symbol of a word.
  static let endOfWord = Array("</w>".utf8)

  /// The character of each byte.
  static let scalars: [UInt32] = {
    var unprintable: UInt32 = 0x100
    return (0..<0x100).map { (byte: UInt32) in
      if isPrintable(byte) { return byte }
      defer { unprintable += 1 }
      return unprintable
    }
  }()

  /// The order in which OpenAI's code numbers the bytes: the printable ones first.
  static let numbering: [UInt8] =
    (0...0xff).filter { isPrintable(UInt32($0)) } + (0...0xff).filter { !isPrintable(UInt32($0)) }

  /// The UTF-8 of the character of a byte.
  static func utf8(of byte: UInt8) -> [UInt8] {
    UTF8.bytes(of: scalars[Int(byte)])
  }

  /// The byte of each character; `nil` where a character stands for none.
  static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    scalar.value < 0x144 ? bytes[Int(scalar.value)] : nil
  }

  private static let bytes: [UInt8?] = {
    var result = [UInt8?](repeating: nil, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { result[Int(scalar)] = UInt8(byte) }
    return result
  }()

  /// The token of a byte that a vocabulary of SentencePiece's has no other token for: `<0x0A>`.
  static func fallback(of byte: Int) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (digits.count < 2 ? "0" : "") + digits + ">"
  }

  /// The byte that a token such as `<0x0A>` stands for; `nil` for others.
  static func fallbackByte(of token: String) -> UInt8? {
    guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
    return UInt8(token.dropFirst(3).dropLast(), radix: 16)
  }

  private static func isPrintable(_ byte: UInt32) -> Bool {
    0x21...0x7e ~= byte || 0xa1...0xac ~= byte || 0xae...0xff ~= byte
  }
}

extension UTF8 {
  /// The bytes of a scalar value.
  static func bytes(of scalar: UInt32) -> [UInt8] {
    var result: [UInt8] = []
    append(scalar, to: &result)
    return result
  }

  /// Appends the bytes of a scalar value.
  static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    switch scalar {
    case ..<0x80:
      bytes.append(UInt8(scalar))
    case ..<0x800:
      bytes.append(0xc0 | UInt8(scalar >> 6))
      bytes.append(0x80 | UInt8(scalar & 0x3f))
    case ..<0x10000:
      bytes.append(0xe0 | UInt8(scalar >> 12))
      bytes.append(0x80 | UInt8(scalar >> 6 & 0x3f))
      bytes.append(0x80 | UInt8(scalar & 0x3f))
    default:
      bytes.append(0xf0 | UInt8(scalar >> 18))
      bytes.append(0x80 | UInt8(scalar >> 12 & 0x3f))
      bytes.append(0x80 | UInt8(scalar >> 6 & 0x3f))
      bytes.append(0x80 | UInt8(scalar & 0x3f))
    }
  }
}
