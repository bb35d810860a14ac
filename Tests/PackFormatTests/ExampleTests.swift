import Architecture
import Bytes
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import PackFormat

/// Section 9 of the specification, taken at its word.
@Suite("The worked example of the specification")
struct ExampleTests {
  /// A line of the dump: `040  3c d9   content_digest, 3 of 4`.
  struct Line {
    var offset: Int
    var bytes: [UInt8]
    var remark: String

    /// - Returns: `nil` for a line that is no part of the dump.
    init?(_ line: Substring) {
      guard let space = line.firstIndex(of: " "), let offset = Int(line[..<space], radix: 16),
        line[..<space].count == 3
      else { return nil }
      self.offset = offset
      // Bytes and remark stand three spaces apart.
      var words = line[space...].dropFirst(2)[...]
      bytes = []
      while let byte = UInt8(words.prefix(2), radix: 16) {
        bytes.append(byte)
        words = words.dropFirst(3)
        if words.first == " " { break }
      }
      if words.first == "×", let count = Int(words.dropFirst(2).prefix { $0 != " " }) {
        bytes = [UInt8](repeating: bytes[0], count: count)
        words = words.dropFirst(2).drop { $0 != " " }
      }
      remark = String(words.drop { $0 == " " })
    }
  }

  static let lines: [Line] = {
    let page = FilePath(#filePath)
      .removingLastComponent().removingLastComponent().removingLastComponent()
      .appending("Formats").appending("clippack.md")
    let text = (try? contents(of: page)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n")
      .drop { !$0.hasPrefix("## 9.") }.dropFirst().prefix { !$0.hasPrefix("## ") }
      .compactMap { Line($0) }
  }()

  static var bytes: [UInt8] { lines.flatMap(\.bytes) }

  @Test func `goes on without gaps`() {
    #expect(Self.lines.count > 40)
    var offset = 0
    for line in Self.lines {
      #expect(line.offset == offset, "\(line.remark)")
      offset += line.bytes.count
    }
  }

  @Test func `is the file beside it, and what the writer writes`() throws {
    #expect(Self.bytes == (try contents(of: VectorTests.folder.appending("example.clippack"))))
    #expect(try Self.bytes == Sample.example.bytes(.compact))
  }

  /// Remarks of the form `name = number` say what the bytes of the line mean.
  @Test func `has in every field the number that stands beside it`() throws {
    var count = 0
    for line in Self.lines {
      let words = line.remark.split(separator: " ")
      guard words.count >= 3, words[1] == "=", let number = Int(words[2]) else { continue }
      let value = line.bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
      #expect(value == number, "\(line.remark)")
      count += 1
    }
    #expect(count > 30)
  }

  @Test func `has the fields of the preamble where the table says`() {
    let table = [
      (8, 2, "major_version"), (10, 2, "minor_version"), (12, 4, "required_features"),
      (16, 8, "file_size"), (24, 8, "index_offset"), (32, 8, "index_size"), (40, 4, "index_crc"),
      (44, 4, "storage"), (48, 4, "content_manifest_size"), (52, 4, "evidence_manifest_size"),
      (56, 4, "attachment_manifest_size"), (60, 4, "block_size"), (156, 4, "preamble_crc"),
    ]
    for (offset, size, name) in table {
      let line = Self.lines.first { $0.offset == offset }
      #expect(line?.bytes.count == size, "\(name)")
      #expect(line?.remark.hasPrefix(name) == true, "\(name)")
    }
  }

  @Test func `is read`() throws {
    let folder = TemporaryFolder()
    let pack = try Pack(folder.write(Self.bytes, "a"))
    try pack.validate()
    #expect(try pack.json(.recipe) == [:])
    let tensor = try #require(pack.tensor("w"))
    #expect(
      tensor.shape == [2, 3] && tensor.tower == .image && tensor.isModel && tensor.content.isGrid)
    let codes = try pack.read(tensor, stream: 0).array.map { Int8(bitPattern: $0) }
    #expect(codes == [-127, 0, 64, 1, 2, 127])
    #expect(try pack.read(tensor, stream: 1).array == littleEndian([0.5, 0.25] as [Float]))
  }
}
