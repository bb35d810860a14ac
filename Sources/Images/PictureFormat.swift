internal import Bytes

/// A kind of picture file, recognised by its first bytes and nothing else.
enum PictureFormat: Equatable {
  case png, jpeg, webp

  /// For messages.
  var name: String {
    switch self {
    case .png: "PNG"
    case .jpeg: "JPEG"
    case .webp: "WebP"
    }
  }

  /// - Throws: `truncated` for an empty file, `unsupported` for any other kind; known ones are
  ///   named.
  init(recognizing bytes: RawSpan) throws(FormatError) {
    let head = (0..<min(16, bytes.byteCount)).map {
      unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
    }
    if head.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if head.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else if Self.isWebP(head) {
      self = .webp
    } else if head.isEmpty {
      throw FormatError(.truncated, "file is empty, a PNG, JPEG or WebP picture is needed")
    } else {
      let digits = head.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      let found =
        Self.name(of: head).map { "is \($0)" } ?? "begins with \(digits.joined(separator: " "))"
      throw FormatError(.unsupported, "picture is not a PNG, JPEG or WebP: it \(found)", at: 0)
    }
  }

  private static func isWebP(_ head: [UInt8]) -> Bool {
    head.starts(with: Array("RIFF".utf8)) && head.dropFirst(8).starts(with: Array("WEBP".utf8))
  }

  /// What other programs write, for the error only.
  private static func name(of head: [UInt8]) -> String? {
    func has(_ text: StaticString, at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: Array("\(text)".utf8))
    }
    if has("GIF8") { return "GIF" }
    if has("BM") { return "BMP" }
    if head.starts(with: [0x49, 0x49, 0x2a, 0]) || head.starts(with: [0x4d, 0x4d, 0, 0x2a]) {
      return "TIFF"
    }
    if has("ftyp", at: 4) {
      if has("avif", at: 8) || has("avis", at: 8) { return "AVIF" }
      if has("heic", at: 8) || has("heix", at: 8) || has("mif1", at: 8) || has("msf1", at: 8) {
        return "HEIC"
      }
    }
    if has("PNG", at: 1) || head.dropFirst().starts(with: [0x50, 0x4e, 0x47]) {
      return "PNG with a damaged signature"
    }
    if head.starts(with: [0xff, 0x0a]) || has("JXL ", at: 4) { return "JPEG XL" }
    if has("jP  ", at: 4) { return "JPEG 2000" }
    if has("%PDF") { return "PDF" }
    return head.allSatisfy { 0x20..<0x7f ~= $0 || [0x09, 0x0a, 0x0d].contains($0) } ? "text" : nil
  }
}
