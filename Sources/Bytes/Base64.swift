/// Bytes as text (RFC 4648, section 4).
public enum Base64 {
  static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      let bits = (0..<3).reduce(0) { $0 << 8 | ($1 < count ? Int(bytes[start + $1]) : 0) }
      for index in 0..<4 {
        text.append(
          index <= count ? alphabet[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// - Throws: `FormatError` for what is no whole number of groups, and for foreign characters.
  public static func decode(_ text: [UInt8]) throws(FormatError) -> [UInt8] {
    let digits = text.prefix { $0 != UInt8(ascii: "=") }
    guard text.count % 4 == 0, text.count - digits.count <= 2,
      text.dropFirst(digits.count).allSatisfy({ $0 == UInt8(ascii: "=") })
    else { throw FormatError(.invalidField, "\(text.count) characters are no whole base64") }
    var bits = 0
    var count = 0
    var result: [UInt8] = []
    for digit in digits {
      guard let value = alphabet.firstIndex(of: digit) else {
        throw FormatError(.invalidField, "byte \(digit) is no character of base64")
      }
      bits = (bits << 6 | value) & 0xffff
      count += 6
      guard count >= 8 else { continue }
      count -= 8
      result.append(UInt8(truncatingIfNeeded: bits >> count))
    }
    return result
  }
}
