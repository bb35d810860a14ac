import Bytes
import Foundation
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
    let own = [
      ".a.999999999.partial", ".a.backup.partial", ".a.clip-pack-1.partial",
      ".a.clip-pack-1-x.partial", ".a.clip-pack-1-2-3.partial", ".a.clip-pack--2.partial",
      ".a.clip-pack-1-2.partial.txt", ".b.clip-pack-1-2.partial", "a.clip-pack-1-2.partial",
    ]
    for name in own { try folder.write([1], name) }
    try folder.write([1], ".a.clip-pack-999999999-0.partial")
    try folder.write([2], "a")
    #expect(try Folder.names(in: folder.path) == (own + ["a"]).sorted())
  }

  @Test func `two of one name are written side by side`() throws {
    let path = folder.appending("a")
    var first = try AtomicFile(replacing: path)
    var second = try AtomicFile(replacing: path)
    #expect(first.workingPath != second.workingPath)
    try first.append(text: "first")
    try second.append(text: "second")
    try second.commit()
    #expect(try contents(path) == Array("second".utf8))
    try first.commit()
    #expect(try contents(path) == Array("first".utf8))
    #expect(try Folder.names(in: folder.path) == ["a"])
  }

  @Test(arguments: 240...255) func `may have a long name`(length: Int) throws {
    for name in [
      String(repeating: "n", count: length),
      String(repeating: "ü", count: length / 2) + (length % 2 == 1 ? "x" : ""),
      String(repeating: "𝕏", count: length / 4) + String(repeating: "y", count: length % 4),
    ] {
      #expect(name.utf8.count == length)
      try folder.write([1], name)
      try folder.write([2], name)
      #expect(try contents(folder.appending(name)) == [2])
    }
    #expect(try Folder.names(in: folder.path).count == 3)
  }

  @Test func `may have a name that is not UTF-8`() throws {
    let path = FilePath(bytes: folder.path.bytes + Array("/caf".utf8) + [0xe9])
    #expect(!path.isUTF8)
    var file = try AtomicFile(replacing: path)
    try file.append(text: "x")
    try file.commit()
    #expect(try contents(path) == Array("x".utf8))
    #expect(try Folder.entries(in: folder.path).map(\.bytes) == [path.bytes])
    unsafe _ = path.withPlatformString { unsafe unlink($0) }
  }

  @Test(arguments: [0o600, 0o644, 0o664, 0o755, 0o400] as [mode_t])
  func `keeps the mode of the file it replaces`(mode: mode_t) throws {
    let path = try folder.write([1], "a")
    #expect(unsafe chmod(path.string, mode) == 0)
    var file = try AtomicFile(replacing: path)
    // Nobody else may read the new version before it has its mode.
    let working = try #require(FileKind.permissions(of: file.workingPath)?.rawValue)
    #expect(working & 0o077 & ~mode == 0)
    try file.append(text: "new")
    try file.commit()
    #expect(FileKind.permissions(of: path)?.rawValue == mode)
  }

  @Test func `follows links and leaves them where they are`() throws {
    try Folder.create(folder.appending("below"))
    let target = try folder.write([1], "below/target")
    for (link, text) in [("absolute", target.string), ("relative", "below/target")] {
      #expect(unsafe symlink(text, folder.appending(link).string) == 0)
      #expect(unsafe symlink(link, folder.appending("second-\(link)").string) == 0)
      for name in [link, "second-\(link)"] {
        try folder.write(Array(name.utf8), name)
        #expect(try contents(target) == Array(name.utf8))
      }
      var bytes = [CChar](repeating: 0, count: 4096)
      #expect(unsafe readlink(folder.appending(link).string, &bytes, 4095) == text.utf8.count)
    }
    // One that leads to nothing makes the file there.
    #expect(unsafe symlink("below/new", folder.appending("dangling").string) == 0)
    try folder.write([3], "dangling")
    #expect(try contents(folder.appending("below/new")) == [3])
    #expect(unsafe symlink("loop", folder.appending("loop").string) == 0)
    #expect(refusal(folder.appending("loop"))?.contains("symbolic links") == true)
    #expect(try Folder.names(in: folder.appending("below")) == ["new", "target"])
  }

  @Test func `writes to pipes and devices and leaves them what they are`() async throws {
    let pipe = folder.appending("pipe")
    #expect(unsafe mkfifo(pipe.string, 0o600) == 0)
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let reader = Task.detached {
      var found: [UInt8] = []
      let file = try FileDescriptor.open(pipe, .readOnly)
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      while case let count = try unsafe piece.withUnsafeMutableBytes({
        try unsafe file.read(into: $0)
      }), count > 0 { found += piece[..<count] }
      try file.close()
      return found
    }
    var file = try AtomicFile(replacing: pipe)
    try unsafe file.append(bytes.span.bytes)
    try unsafe file.overwrite(([9] as [UInt8]).span.bytes, at: 0)
    try file.commit()
    #expect(try await reader.value == [9] + bytes.dropFirst())
    guard case .other = FileKind(of: pipe) else { throw Errno.invalidArgument }
    var null = try AtomicFile(replacing: "/dev/null")
    try null.append(text: "x")
    try null.commit()
    guard case .other = FileKind(of: "/dev/null") else { throw Errno.invalidArgument }
    #expect(try Folder.names(in: folder.path) == ["pipe"])
  }

  #if os(Linux)
    @Test func `says that a device is full`() throws {
      var file = try AtomicFile(replacing: "/dev/full")
      try file.append(text: "x")
      do {
        try file.commit()
        Issue.record("it was written")
      } catch { #expect("\(error)" == "cannot write '/dev/full': No space left on device") }
    }
  #endif

  @Test func `is refused where no file can be`() throws {
    let missing = folder.appending("no").appending("a")
    #expect(
      refusal(missing) == "cannot write '\(missing)': No such file or directory")
    #expect(
      refusal(folder.path) == "cannot write '\(folder.path)': it is a folder; name a file in it")
    #expect(refusal("/") == "cannot write '/': it is a folder; name a file in it")
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
    #expect(
      refusal(folder.path) == "cannot read '\(folder.path)': it is a folder; name a file in it")
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
