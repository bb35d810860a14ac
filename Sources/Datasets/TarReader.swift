public import Bytes

/// The regular files of a tar archive, one after the other, where they lie.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
public struct TarReader {
  /// A file of the archive.
  public struct Member: Sendable {
    /// As the archive has it, which need not be UTF-8.
    public var name: [UInt8]
    public var content: Buffer
  }

  private static let block = 512
  /// Of what names may take, in bytes.
  private static let longestName = 1 << 16

  private let archive: Buffer
  private var offset = 0

  public init(_ archive: Buffer) { self.archive = archive }

  /// The next regular file; `nil` after the last. Folders, links and devices are passed over.
  ///
  /// - Throws: `FormatError` with the place of the header at fault.
  public mutating func next() throws(FormatError) -> Member? {
    var longName: [UInt8]?
    while let header = try nextHeader() {
      let content = try take(header)
      switch header.kind {
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
        return Member(name: longName ?? header.name, content: content)
      case UInt8(ascii: "L"): longName = try Self.name(content, header)
      case UInt8(ascii: "x"): longName = try Self.path(pax: content, header) ?? longName
      // A global header; a long name of a link.
      case UInt8(ascii: "g"), UInt8(ascii: "K"): break
      default: longName = nil
      }
    }
    return nil
  }

  private struct Header {
    let offset: Int
    let name: [UInt8]
    let size: Int
    let kind: UInt8
  }

  /// The next header; `nil` at the end: two blocks of zeros, or one, or none.
  private mutating func nextHeader() throws(FormatError) -> Header? {
    let left = archive.count - offset
    guard left > 0 else { return nil }
    guard left >= Self.block else {
      throw FormatError(
        .truncated, "a tar header takes 512 bytes, \(left) are left", at: offset)
    }
    let bytes = archive.slice(offset..<offset + Self.block).bytes.array
    guard bytes.contains(where: { $0 != 0 }) else { return nil }
    let sum = try Self.number(bytes, 148..<156, "checksum", offset)
    var found = 8 * 0x20
    for (index, byte) in bytes.enumerated() where !(148..<156 ~= index) { found += Int(byte) }
    guard sum == found else {
      throw FormatError(
        .checksum, "a tar header has checksum \(found), \(sum) is recorded", at: offset)
    }
    var name = Self.text(bytes, 0..<100)
    let prefix = Self.text(bytes, 345..<500)
    if bytes[257..<263].elementsEqual(Array("ustar\0".utf8)), !prefix.isEmpty {
      name = prefix + [UInt8(ascii: "/")] + name
    }
    let size = try Self.number(bytes, 124..<136, "size", offset)
    defer { offset += Self.block }
    return Header(offset: offset, name: name, size: size, kind: bytes[156])
  }

  /// The bytes behind a header; the next header follows at a multiple of 512.
  private mutating func take(_ header: Header) throws(FormatError) -> Buffer {
    let left = archive.count - offset
    guard header.size <= left else {
      throw FormatError(
        .truncated, "a member of the tar is \(header.size) bytes, \(left) are left",
        at: header.offset)
    }
    defer {
      let padded = (header.size + Self.block - 1) / Self.block * Self.block
      // The last member may lack its padding.
      offset += min(padded, left)
    }
    return archive.slice(offset..<offset + header.size)
  }

  private static func name(_ content: Buffer, _ header: Header) throws(FormatError) -> [UInt8] {
    guard content.count <= longestName else {
      throw FormatError(
        .invalidField,
        "a name in the tar is \(content.count) bytes, at most \(longestName) are allowed",
        at: header.offset)
    }
    let bytes = content.bytes.array
    return Array(bytes.prefix { $0 != 0 })
  }

  /// The `path` of a pax header: records `<length> <key>=<value>\n`.
  private static func path(
    pax content: Buffer, _ header: Header
  ) throws(FormatError) -> [UInt8]? {
    guard content.count <= 1 << 20 else {
      throw FormatError(
        .invalidField, "a pax header is \(content.count) bytes, at most 1048576 are allowed",
        at: header.offset)
    }
    let bytes = content.bytes.array
    var path: [UInt8]?
    var rest = bytes[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != 0x20 }
      guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)),
        length > digits.count + 1, length <= rest.count
      else {
        throw FormatError(
          .invalidField, "a pax record does not begin with its length", at: header.offset)
      }
      let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
      let key = Array("path=".utf8)
      if record.starts(with: key) { path = Array(record.dropFirst(key.count)) }
      guard !record.starts(with: Array("size=".utf8)) else {
        throw FormatError(
          .unsupported, "a pax header gives a size of its own, ustar's are read",
          at: header.offset)
      }
      rest = rest.dropFirst(length)
    }
    return path
  }

  private static func text(_ bytes: [UInt8], _ field: Range<Int>) -> [UInt8] {
    Array(bytes[field].prefix { $0 != 0 })
  }

  /// Octal digits between spaces and zeros, or GNU's binary form for large numbers.
  private static func number(
    _ bytes: [UInt8], _ field: Range<Int>, _ name: String, _ offset: Int
  ) throws(FormatError) -> Int {
    if bytes[field.lowerBound] == 0x80 {
      var value = 0
      for byte in bytes[field].dropFirst() {
        guard value <= Int.max >> 9 else {
          throw FormatError(.invalidField, "\(name) of a tar header is too large", at: offset)
        }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let digits = bytes[field].drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
    guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self), radix: 8),
      value >= 0
    else {
      throw FormatError(
        .invalidField,
        "\(name) of a tar header is \(JSON.quoted(String(decoding: digits, as: UTF8.self))), an "
          + "octal number is needed", at: offset)
    }
    return value
  }
}
