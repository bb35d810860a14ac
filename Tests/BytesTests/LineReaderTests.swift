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

  @Test func `a byte order mark is no text, and is told of`() throws {
    for (bytes, expected, isMarked) in [
      ([0xef, 0xbb, 0xbf, 0x61, 0x0a, 0x62], ["a", "b"], true),
      ([0xef, 0xbb, 0xbf], [], true), ([0xef, 0xbb, 0xbf, 0x0a], [""], true),
      ([0xef, 0x61], nil, false), ([0x61, 0xef, 0xbb, 0xbf], ["a\u{feff}"], false),
    ] as [([UInt8], [String]?, Bool)] {
      let reader = try LineReader(try folder.write(bytes, "x"))
      var lines: [String] = []
      do {
        while let line = try reader.nextText() { lines.append(line) }
        #expect(lines == expected)
      } catch {
        #expect(expected == nil)
        #expect(error.description.hasSuffix("line 1 is not UTF-8"))
      }
      #expect(reader.hasByteOrderMark == isMarked)
      #expect(reader.notes.isEmpty != isMarked)
    }
    for mark in [[0xff, 0xfe], [0xfe, 0xff]] as [[UInt8]] {
      let reader = try LineReader(try folder.write(mark + [0x61, 0], "x"))
      let error = #expect(throws: FileError.self) { try reader.next() }
      #expect(error?.description.hasSuffix("the byte order mark of UTF-16, UTF-8 is read") == true)
    }
  }

  @Test func `empty lines are left out where they are no entries, and counted`() throws {
    let path = try folder.write(Array("\n\na\r\n\r\n\nb".utf8), "x")
    let reader = try LineReader(path, skipsEmpty: true)
    #expect(try reader.nextText() == "a")
    #expect(reader.count == 3)
    #expect(try reader.nextText() == "b")
    #expect(try reader.nextText() == nil)
    #expect(reader.notes == ["4 empty lines of '\(path)' left out"])
    let zeros = try LineReader(
      try folder.write([0x61, 0, 0, 0x0a, 0], "y"), separator: 0, skipsEmpty: true)
    #expect(try zeros.nextText() == "a")
    #expect(try zeros.nextText() == "\n")
    #expect(try zeros.nextText() == nil)
    #expect(zeros.notes == ["1 empty entry of '\(folder.appending("y"))' left out"])
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
