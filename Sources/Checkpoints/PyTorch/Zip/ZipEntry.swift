package import Bytes
internal import Kernels

/// One file in a zip archive.
package struct ZipEntry: Sendable {
  package let name: String
  /// 0 where it is stored as it is.
  let method: UInt16
  let flags: UInt16
  /// CRC-32 of the data; 0 also where the writer did not compute it.
  let checksum: UInt32
  let compressedSize: Int
  package let size: Int
  /// Of the local header in the file.
  let headerOffset: Int
  /// The offset in the file that its data must not reach.
  var limit = 0

  /// Of a local header without its name and extra fields.
  static let localSize = 30

  /// Reads a record of the central directory (section 4.3.12).
  init(parsing input: inout ByteReader) throws(FormatError) {
    let start = input.offset
    guard try input.read(UInt32.self, "central file header") == 0x0201_4b50 else {
      throw FormatError(
        .invalidField, "the zip directory has no entry (50 4b 01 02) here", at: start)
    }
    _ = try input.read(UInt32.self, "versions")
    flags = try input.read("flags")
    method = try input.read("compression method")
    _ = try input.read(UInt32.self, "time and date")
    checksum = try input.read("crc-32")
    var compressedSize = UInt64(try input.read(UInt32.self, "compressed size"))
    var size = UInt64(try input.read(UInt32.self, "uncompressed size"))
    let nameLength: UInt16 = try input.read("file name length")
    let extraLength: UInt16 = try input.read("extra field length")
    let commentLength: UInt16 = try input.read("file comment length")
    let disk: UInt16 = try input.read("disk number start")
    _ = try input.read(UInt16.self, "internal attributes")
    _ = try input.read(UInt32.self, "external attributes")
    var offset = UInt64(try input.read(UInt32.self, "offset of local header"))
    name = try Self.name(input.take(UInt64(nameLength), limit: .max, "file name"), at: start)
    let extra = try input.take(UInt64(extraLength), limit: .max, "extra field")
    _ = try input.take(UInt64(commentLength), limit: .max, "file comment")
    try Self.widen(&size, &compressedSize, &offset, by: extra, at: start)
    guard disk == 0, let whole = Int(exactly: size), let stored = Int(exactly: compressedSize),
      let place = Int(exactly: offset), whole < 1 << 62, stored < 1 << 62
    else {
      throw FormatError(
        .invalidField,
        "zip entry \(JSON.quoted(name)) has \(size) bytes at \(offset) of disk \(disk)", at: start)
    }
    self.size = whole
    self.compressedSize = stored
    headerOffset = place
  }

  private static func name(_ bytes: RawSpan, at offset: Int) throws(FormatError) -> String {
    let name = String(validating: bytes.array, as: UTF8.self)
    let parts = (name ?? "").split(separator: "/", omittingEmptySubsequences: false)
    let isPlain =
      parts.enumerated().allSatisfy { index, part in
        // The last part of a folder's entry is empty.
        (!part.isEmpty || (index > 0 && index == parts.count - 1)) && part != "." && part != ".."
          && !part.utf8.contains { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "\\") }
      }
    guard let name, isPlain else {
      throw FormatError(
        .invalidField,
        "a zip entry is named \(JSON.quoted(name ?? bytes.hexadecimal)), a plain path is "
          + "required", at: offset)
    }
    return name
  }

  /// Takes those fields that are all ones from the extra field of zip64 (section 4.5.3).
  private static func widen(
    _ size: inout UInt64, _ compressedSize: inout UInt64, _ offset: inout UInt64,
    by extra: RawSpan, at start: Int
  ) throws(FormatError) {
    let all = UInt64(UInt32.max)
    guard size == all || compressedSize == all || offset == all else { return }
    var fields = ByteReader(extra, origin: start)
    while fields.remaining > 0 {
      let id: UInt16 = try fields.read("extra field id")
      let length: UInt16 = try fields.read("extra field size")
      let data = try fields.take(UInt64(length), limit: .max, "extra field data")
      guard id == 1 else { continue }
      var zip64 = ByteReader(data, origin: start)
      if size == all { size = try zip64.read("zip64 uncompressed size") }
      if compressedSize == all { compressedSize = try zip64.read("zip64 compressed size") }
      if offset == all { offset = try zip64.read("zip64 offset") }
      return
    }
  }

  /// Where the data of an entry lies in the file that it was read from.
  ///
  /// - Throws: where it is compressed or encrypted, and where the local header contradicts the
  ///   directory.
  package func range(in file: RawSpan) throws(FormatError) -> Range<Int> {
    guard flags & 1 == 0 else {
      throw FormatError(
        .unsupported, "zip entry \(JSON.quoted(name)) is encrypted", at: headerOffset)
    }
    guard method == 0 else {
      throw FormatError(
        .unsupported,
        "zip entry \(JSON.quoted(name)) is compressed (method \(method)), torch.save stores it; "
          + "load the file in Python and save it again", at: headerOffset)
    }
    guard compressedSize == size else {
      throw FormatError(
        .inconsistent,
        "zip entry \(JSON.quoted(name)) is stored in \(compressedSize) bytes and has \(size)",
        at: headerOffset)
    }
    var input = ByteReader(
      file.extracting(headerOffset..<min(limit, file.byteCount)), origin: headerOffset)
    let signature: UInt32 = try input.read("local file header")
    _ = try input.read(UInt16.self, "version")
    _ = try input.read(UInt16.self, "flags")
    let localMethod: UInt16 = try input.read("compression method")
    _ = try input.take(16, limit: 16, "time, crc-32 and sizes")
    let nameLength: UInt16 = try input.read("file name length")
    let extraLength: UInt16 = try input.read("extra field length")
    let localName = try input.take(UInt64(nameLength), limit: .max, "file name")
    guard signature == 0x0403_4b50, localMethod == method,
      localName.elementsEqual(Array(name.utf8))
    else {
      throw FormatError(
        .inconsistent,
        "the zip directory says that \(JSON.quoted(name)) begins here, its header does not",
        at: headerOffset)
    }
    _ = try input.take(UInt64(extraLength), limit: .max, "extra field")
    guard size <= input.remaining else {
      throw FormatError(
        .inconsistent,
        "zip entry \(JSON.quoted(name)) has \(size) bytes, \(input.remaining) are left before what "
          + "follows it", at: input.offset)
    }
    return input.offset..<input.offset + size
  }
}

extension ZipEntry {
  /// Compares the data with its checksum, where it has one.
  func validate(_ range: Range<Int>, in file: RawSpan) throws(FormatError) {
    let found = crc32(file.extracting(range))
    guard checksum == 0 || checksum == found else {
      throw FormatError(
        .checksum,
        "zip entry \(JSON.quoted(name)) has the checksum \(found.hexadecimal), "
          + "\(checksum.hexadecimal) is stored", at: range.lowerBound)
    }
  }
}
