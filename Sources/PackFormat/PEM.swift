internal import Bytes

/// Bytes as text between a pair of lines (RFC 7468), as keys are kept.
enum PEM {
  static func encode(_ bytes: [UInt8], _ label: String) -> String {
    let text = Array(Base64.encode(bytes).utf8)
    let lines = stride(from: 0, to: text.count, by: 64).map {
      String(decoding: text[$0..<min($0 + 64, text.count)], as: UTF8.self) + "\n"
    }
    return "-----BEGIN \(label)-----\n" + lines.joined() + "-----END \(label)-----\n"
  }

  /// The bytes of the first block with that label; what stands before and after it is ignored.
  static func decode(_ text: String, _ label: String) throws(FormatError) -> [UInt8] {
    let lines = text.split(whereSeparator: \.isNewline)
    guard let first = lines.firstIndex(of: "-----BEGIN \(label)-----") else {
      throw FormatError(
        .invalidField, "there is no line \"-----BEGIN \(label)-----\", as a PEM file of that has")
    }
    let rest = lines[(first + 1)...]
    guard let last = rest.firstIndex(of: "-----END \(label)-----") else {
      throw FormatError(.truncated, "there is no line \"-----END \(label)-----\"")
    }
    return try Base64.decode(rest[..<last].flatMap(\.utf8))
  }
}
