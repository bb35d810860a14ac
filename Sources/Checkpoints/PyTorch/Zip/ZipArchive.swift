package import Bytes

/// The directory of a zip archive, as `torch.save` and `torch.jit.save` write it.
///
/// Entries are found by the central directory alone; local headers, whose sizes a writer that
/// streams leaves open, give only where the data begins. What torch never writes is refused:
/// comments, several disks, overlapping entries, bytes behind the end.
///
/// Source: APPNOTE.TXT 6.3.10 of PKWARE, sections 4.3 and 4.5; its field names are used.
package struct ZipArchive: Sendable {
  /// More than any model has tensors.
  static let maximumEntries = 200_000
  static let maximumDirectorySize = 64 << 20

  /// In the order of the directory, each name once.
  package let entries: [ZipEntry]
  private let indices: [String: Int]

  /// - Parameter file: a whole file.
  package init(parsing file: RawSpan) throws(FormatError) {
    let directory = try Directory(parsing: file)
    entries = try Self.entries(directory, file)
    var indices: [String: Int] = [:]
    for (index, entry) in entries.enumerated() {
      guard indices.updateValue(index, forKey: entry.name) == nil else {
        throw FormatError(
          .inconsistent, "two entries of the zip archive are named \(JSON.quoted(entry.name))",
          at: entry.headerOffset)
      }
    }
    self.indices = indices
  }

  package subscript(name: String) -> ZipEntry? { indices[name].map { entries[$0] } }

  /// How a zip file begins.
  static let magic: [UInt8] = [0x50, 0x4b, 3, 4]

  private static func entries(
    _ directory: Directory, _ file: RawSpan
  ) throws(FormatError) -> [ZipEntry] {
    var input = ByteReader(file.extracting(directory.range), origin: directory.range.lowerBound)
    var entries: [ZipEntry] = []
    for _ in 0..<directory.count { entries.append(try ZipEntry(parsing: &input)) }
    guard input.remaining == 0 else {
      throw FormatError(
        .inconsistent,
        "the zip directory has \(input.remaining) bytes behind its \(directory.count) entries",
        at: input.offset)
    }
    try limit(&entries, to: directory.range.lowerBound)
    return entries
  }

  /// Gives each entry the offset that it must not reach: of the next entry, or of the directory.
  private static func limit(
    _ entries: inout [ZipEntry], to directory: Int
  ) throws(FormatError) {
    var limit = directory
    var next = "the directory"
    for index in entries.indices.sorted(by: {
      entries[$0].headerOffset > entries[$1].headerOffset
    }) {
      let entry = entries[index]
      let (end, overflow) = entry.headerOffset.addingReportingOverflow(
        entry.compressedSize + ZipEntry.localSize + entry.name.utf8.count)
      guard !overflow, end <= limit else {
        throw FormatError(
          .inconsistent,
          "zip entry \(JSON.quoted(entry.name)) of \(entry.compressedSize) bytes overlaps \(next)",
          at: entry.headerOffset)
      }
      entries[index].limit = limit
      limit = entry.headerOffset
      next = JSON.quoted(entry.name)
    }
  }
}

/// Where the central directory is, by the records at the end of the file.
private struct Directory {
  var range: Range<Int>
  var count: Int

  private static let endSize = 22
  private static let locatorSize = 20
  private static let zip64EndSize = 56

  init(parsing file: RawSpan) throws(FormatError) {
    let start = file.byteCount - Self.endSize
    guard start >= 0 else {
      throw FormatError(
        .truncated, "the zip archive is \(file.byteCount) bytes, its end record takes 22", at: 0)
    }
    var input = ByteReader(file.extracting(start..<file.byteCount), origin: start)
    guard try input.read(UInt32.self, "end of central directory") == 0x0605_4b50 else {
      throw FormatError(
        .truncated,
        "the zip archive does not end with an end record (50 4b 05 06) and no comment: it is cut "
          + "short, or something was appended", at: start)
    }
    let disk: UInt16 = try input.read("number of this disk")
    let directoryDisk: UInt16 = try input.read("disk of the central directory")
    let countHere: UInt16 = try input.read("entries on this disk")
    let count: UInt16 = try input.read("entries")
    let size: UInt32 = try input.read("size of the central directory")
    let offset: UInt32 = try input.read("offset of the central directory")
    let comment: UInt16 = try input.read("comment length")
    guard disk == 0, directoryDisk == 0, countHere == count, comment == 0 else {
      throw FormatError(
        .unsupported, "the zip archive is split over disks or has a comment; torch writes neither",
        at: start)
    }
    if let large = try Self.zip64(file, before: start) {
      self = large
      let isSame =
        (count == .max || Int(count) == large.count)
        && (size == .max || Int(size) == large.range.count)
        && (offset == .max || Int(offset) == large.range.lowerBound)
      guard isSame else {
        throw FormatError(
          .inconsistent, "the two end records of the zip archive disagree", at: start)
      }
      return
    }
    try self.init(UInt64(count), UInt64(size), UInt64(offset), end: start)
  }

  /// - Parameter end: where the directory has to end.
  private init(
    _ count: UInt64, _ size: UInt64, _ offset: UInt64, end: Int
  ) throws(FormatError) {
    let (sum, overflow) = size.addingReportingOverflow(offset)
    guard !overflow, sum == UInt64(end) else {
      throw FormatError(
        .inconsistent,
        "the zip directory has \(size) bytes from \(offset) on, it must end at \(end)", at: end)
    }
    guard size <= UInt64(ZipArchive.maximumDirectorySize),
      count <= UInt64(ZipArchive.maximumEntries)
    else {
      throw FormatError(
        .unsupported,
        "the zip directory has \(count) entries in \(size) bytes, at most "
          + "\(ZipArchive.maximumEntries) in \(ZipArchive.maximumDirectorySize) are allowed",
        at: end)
    }
    range = end - Int(size)..<end
    self.count = Int(count)
  }

  private static func zip64(
    _ file: RawSpan, before end: Int
  ) throws(FormatError) -> Directory? {
    let locator = end - locatorSize
    guard locator >= zip64EndSize else { return nil }
    var input = ByteReader(file.extracting(locator..<end), origin: locator)
    guard try input.read(UInt32.self, "zip64 locator") == 0x0706_4b50 else { return nil }
    let disk: UInt32 = try input.read("disk of the zip64 end record")
    let position: UInt64 = try input.read("offset of the zip64 end record")
    let disks: UInt32 = try input.read("number of disks")
    let start = locator - zip64EndSize
    // miniz, torch's writer, counts 1 disk; others count 0 where there is one.
    guard disk == 0, disks <= 1, position == UInt64(start) else {
      throw FormatError(
        .inconsistent, "the zip64 locator says \(position), the record must lie at \(start)",
        at: locator)
    }
    var record = ByteReader(file.extracting(start..<locator), origin: start)
    guard try record.read(UInt32.self, "zip64 end record") == 0x0606_4b50,
      try record.read(UInt64.self, "its size") == UInt64(zip64EndSize - 12)
    else {
      throw FormatError(.inconsistent, "there is no zip64 end record of 56 bytes", at: start)
    }
    _ = try record.read(UInt32.self, "versions")
    let disksHere: UInt64 = try record.read("disk numbers")
    let countHere: UInt64 = try record.read("entries on this disk")
    let count: UInt64 = try record.read("entries")
    let size: UInt64 = try record.read("size of the central directory")
    let offset: UInt64 = try record.read("offset of the central directory")
    guard disksHere == 0, countHere == count else {
      throw FormatError(.unsupported, "the zip archive is split over disks", at: start)
    }
    return try Directory(count, size, offset, end: start)
  }
}
