internal import Bytes
internal import Codecs

/// Where one block lies in the file, and how.
///
/// Specification: `Formats/clippack.md`, section 5; the names are the same.
public struct Placement: Equatable, Sendable {
  static let size = 24

  /// The number of the encoding; see `BlockEncoding`.
  public var encoding: UInt8
  /// Of the stored bytes.
  public var crc: UInt32
  public var offset: Int
  public var storedSize: Int

  public var range: Range<Int> { offset..<offset + storedSize }
}

extension Placement {
  /// - Parameters:
  ///   - previousEnd: where the block before this one ends; blocks never go backwards.
  ///   - limit: where the index begins.
  ///   - panelsSize: what the block takes as panels, `nil` where it cannot lie so.
  init(
    parsing input: inout ByteReader, after previousEnd: Int, before limit: Int, decodedSize: Int,
    panelsSize: Int?
  ) throws(FormatError) {
    let at = input.offset
    encoding = try input.read("encoding")
    let reserved = try input.take(3, limit: 3, "reserved")
    crc = try input.read("crc")
    let offset: UInt64 = try input.read("offset")
    let storedSize: UInt64 = try input.read("stored_size")
    guard reserved.isZero else {
      throw FormatError(.invalidField, "reserved bytes are not zero", at: at + 1)
    }
    let (end, overflow) = offset.addingReportingOverflow(storedSize)
    guard !overflow, offset >= UInt64(previousEnd), end <= UInt64(limit) else {
      throw FormatError(
        .invalidField,
        "block of \(storedSize) bytes at \(offset) does not lie between byte \(previousEnd), "
          + "where the one before it ends, and the index at \(limit)", at: at)
    }
    let known = BlockEncoding(rawValue: encoding)
    guard known != .raw || storedSize == UInt64(decodedSize) else {
      throw FormatError(
        .inconsistent, "raw block is \(storedSize) bytes, \(decodedSize) are needed", at: at)
    }
    guard known != .panels || panelsSize.map({ storedSize == UInt64($0) }) ?? false else {
      let needed = panelsSize.map { "\($0) are needed" } ?? "its stream cannot lie in panels"
      throw FormatError(.inconsistent, "block of panels is \(storedSize) bytes, \(needed)", at: at)
    }
    guard
      known == nil || known == .raw || known == .panels || 1..<UInt64(decodedSize) ~= storedSize
    else {
      throw FormatError(
        .inconsistent,
        "encoded block is \(storedSize) bytes, 1 to \(decodedSize - 1) are allowed", at: at)
    }
    self.offset = Int(offset)
    self.storedSize = Int(storedSize)
  }

  func encode(into output: inout ByteWriter) {
    output.append(encoding)
    output.append([0, 0, 0])
    output.append(crc)
    output.append(UInt64(offset))
    output.append(UInt64(storedSize))
  }
}
