import Bytes
import TestSupport
import Testing

@Suite struct LineReaderTests {
  let folder = TemporaryFolder()

  private func pieces(of text: String, separator: UInt8 = 10) throws -> [String] {
    let reader = try LineReader(try folder.write(Array(text.utf8), "x"), separator: separator)
    var pieces: [String] = []
    while let piece = try reader.next() { pieces.append(String(decoding: piece, as: UTF8.self)) }
    #expect(try reader.next() == nil)
    #expect(reader.count == pieces.count)
    return pieces
  }

  @Test func `lines end with a line feed, and the last need not`() throws {
    #expect(try pieces(of: "") == [])
    #expect(try pieces(of: "\n") == [""])
    #expect(try pieces(of: "a\n\nb\r\nc\rd") == ["a", "", "b", "c\rd"])
    #expect(try pieces(of: "a\n\nb\n") == ["a", "", "b"])
    #expect(try pieces(of: "a\nb\r\0c\0", separator: 0) == ["a\nb\r", "c"])
  }

  @Test func `lines may lie across what is read at once`() throws {
    let lines = (0..<3000).map { String(repeating: "abc\($0)", count: $0 % 97) }
    #expect(try pieces(of: lines.joined(separator: "\n")) == lines)
    let long = String(repeating: "x", count: LineReader.longest - 5)
    #expect(try pieces(of: "a\n" + long + "\nb") == ["a", long, "b"])
  }

  @Test func `a file without lines is refused`() throws {
    let long = [UInt8](repeating: 1, count: LineReader.longest + (1 << 17))
    let path = try folder.write([10] + long, "x")
    let reader = try LineReader(path)
    #expect(try reader.next() == [])
    let error = #expect(throws: FileError.self) { try reader.next() }
    #expect(
      error?.description == "cannot read '\(path)': line 2 is longer than 1048576 bytes")
    #expect(throws: FileError.self) { try LineReader(folder.appending("none")) }
  }
}
