import Bytes
import SystemPackage
import TestSupport
import Testing

@Suite("An atomic file")
struct AtomicFileTests {
  let folder = TemporaryFolder()

  private func contents(_ path: FilePath) throws -> [UInt8] {
    let file = try MappedFile(path)
    return unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  @Test func `appears whole`() throws {
    let path = folder.appending("a")
    var file = try AtomicFile(replacing: path)
    try unsafe file.append(([1, 2, 3] as [UInt8]).span.bytes)
    #expect(FileKind(of: path) == nil)
    try file.pad(to: 8)
    try file.pad(to: 8)
    #expect(file.count == 8)
    try unsafe file.overwrite(([9] as [UInt8]).span.bytes, at: 1)
    try file.commit()
    #expect(try contents(path) == [1, 9, 3, 0, 0, 0, 0, 0])
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test func `appears whole when most of it has been sent to disk before`() throws {
    let path = folder.appending("a")
    var file = try AtomicFile(replacing: path)
    var expected: [UInt8] = []
    for (number, size) in [1, 17 << 20, 5, 15 << 20, 3 << 20].enumerated() {
      let piece = [UInt8](repeating: UInt8(number), count: size)
      try unsafe file.append(piece.span.bytes)
      expected += piece
    }
    // A page that has been sent is written again.
    try unsafe file.overwrite(([9] as [UInt8]).span.bytes, at: 2)
    expected[2] = 9
    try file.commit()
    #expect(try contents(path) == expected)
  }

  @Test func `leaves nothing when it is not committed, and what was there before`() throws {
    let path = try folder.write([7], "a")
    do {
      var file = try AtomicFile(replacing: path)
      try unsafe file.append(([1, 2, 3] as [UInt8]).span.bytes)
      #expect(try Folder.names(in: folder.path).count == 2)
    }
    #expect(try Folder.names(in: folder.path) == ["a"])
    #expect(try contents(path) == [7])
  }

  @Test func `leaves a mapping of the old file as it is`() throws {
    let path = try folder.write([7, 8], "a")
    let old = try MappedFile(path)
    try folder.write([1], "a")
    #expect(unsafe old.bytes.withUnsafeBytes { unsafe Array($0) } == [7, 8])
    #expect(try contents(path) == [1])
  }

  @Test func `clears away what a dead process left, and nothing else`() throws {
    try folder.write([1], ".a.999999999.partial")
    try folder.write([1], ".b.999999999.partial")
    try folder.write([1], "a.partial")
    try folder.write([2], "a")
    #expect(try Folder.names(in: folder.path) == [".b.999999999.partial", "a", "a.partial"])
  }

  @Test func `is refused where no file can be`() throws {
    let missing = folder.appending("no").appending("a")
    #expect(
      refusal(missing) == "cannot write '\(missing)': No such file or directory")
    #expect(refusal(folder.path) == "cannot write '\(folder.path)': Is a directory")
    #expect(refusal("/") == "cannot write '/': Is a directory")
  }

  private func refusal(_ path: FilePath) -> String? {
    do throws(FileError) {
      _ = try AtomicFile(replacing: path)
      return nil
    } catch { return error.description }
  }
}

@Suite("A mapped file")
struct MappedFileTests {
  let folder = TemporaryFolder()

  @Test func `may be empty`() throws {
    let file = try MappedFile(folder.write([], "empty"))
    #expect(file.count == 0)
    #expect(file.bytes.byteCount == 0)
    #expect(Buffer(file, 0..<0).count == 0)
  }

  @Test func `has its bytes again after they were let go`() throws {
    let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let file = try MappedFile(folder.write(bytes, "a"))
    let part = Buffer(file, 5000..<15_000)
    for range in [0..<20_000, 0..<0, 100..<19_000, 19_999..<20_000] { file.release(range) }
    #expect(unsafe part.bytes.withUnsafeBytes { unsafe Array($0) } == Array(bytes[5000..<15_000]))
  }

  @Test func `is refused when it is no regular file`() {
    #expect(refusal(folder.path) == "cannot read '\(folder.path)': Is a directory")
    #expect(
      refusal("/dev/null")
        == "cannot map '/dev/null': it is a pipe or a device, a regular file is needed")
    #expect(refusal("/no/such") == "cannot open '/no/such': No such file or directory")
  }

  private func refusal(_ path: FilePath) -> String? {
    do throws(FileError) {
      _ = try MappedFile(path)
      return nil
    } catch { return error.description }
  }
}
