public import SystemPackage

/// Reads a list piece by piece, each ended by one byte: lines, or what zero bytes separate. Every
/// list that a user gives is read by it.
///
/// Holds one piece at a time, however long the file is. A byte order mark at the head is no part of
/// the first piece; a carriage return at the end of a line is part of its end.
public final class LineReader {
  /// Paths have at most 4096 bytes on Linux, texts for a CLIP some hundred.
  public static let longest = 1 << 20

  /// What errors call it.
  public let path: FilePath
  /// What a piece is called in messages: a line, or an entry of a list that zero bytes separate.
  public var noun: String { separator == 0 ? "entry" : "line" }
  private let file: FileDescriptor
  private let isOwned: Bool
  private let separator: UInt8
  private let skipsEmpty: Bool
  /// What has been read, of which `start...` has not been given.
  private var bytes: [UInt8] = []
  private var start = 0
  /// How many pieces there have been, those left out too: the number of the last one given.
  public private(set) var count = 0
  /// How many empty pieces have been left out.
  public private(set) var emptyCount = 0
  /// Whether a byte order mark stood at the head.
  public private(set) var hasByteOrderMark = false

  /// - Parameters:
  ///   - path: `-` for standard input.
  ///   - separator: what ends a piece; the last one may lack it.
  ///   - skipsEmpty: whether empty pieces are left out, and counted.
  public init(
    _ path: FilePath, separator: UInt8 = UInt8(ascii: "\n"), skipsEmpty: Bool = false
  ) throws(FileError) {
    self.separator = separator
    self.skipsEmpty = skipsEmpty
    if path == "-" {
      (self.path, file, isOwned) = ("standard input", .standardInput, false)
    } else {
      self.path = path
      isOwned = true
      do { file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec) } catch {
        throw FileError("open", path, error)
      }
    }
    ReadFiles.note(FileStatus(of: file))
  }

  deinit { if isOwned { try? file.close() } }

  /// What has been left out so far, a clause each.
  public var notes: [String] {
    var notes: [String] = []
    if hasByteOrderMark {
      notes.append("'\(path)' begins with a byte order mark, which is not taken for text")
    }
    if emptyCount > 0 {
      let nouns =
        separator == 0 ? ["empty entry", "empty entries"] : ["empty line", "empty lines"]
      notes.append("\(emptyCount) \(nouns[emptyCount == 1 ? 0 : 1]) of '\(path)' left out")
    }
    return notes
  }

  /// The next piece without what ends it; `nil` after the last.
  ///
  /// - Throws: `FileError` for a piece longer than `longest`, and for UTF-16, whose mark shows.
  public func next() throws(FileError) -> [UInt8]? {
    while let piece = try nextOfAny() {
      guard skipsEmpty, piece.isEmpty else { return piece }
      emptyCount += 1
    }
    return nil
  }

  /// The next piece as text.
  ///
  /// - Throws: `FileError` also for one that is not UTF-8.
  public func nextText() throws(FileError) -> String? {
    guard let piece = try next() else { return nil }
    guard let text = String(validating: piece, as: UTF8.self) else {
      throw FileError("read", path, "\(noun) \(count) is not UTF-8")
    }
    return text
  }

  private func nextOfAny() throws(FileError) -> [UInt8]? {
    if count == 0 { try skipByteOrderMark() }
    var searched = start
    while true {
      if let end = bytes[searched...].firstIndex(of: separator) {
        defer { start = end + 1 }
        return try piece(upTo: end)
      }
      guard bytes.count - start <= Self.longest else { throw tooLong() }
      bytes.removeFirst(start)
      start = 0
      searched = bytes.count
      guard try fill() else {
        defer { start = bytes.count }
        return bytes.isEmpty ? nil : try piece(upTo: bytes.count)
      }
    }
  }

  private func tooLong() -> FileError {
    FileError("read", path, "\(noun) \(count + 1) is longer than \(Self.longest) bytes")
  }

  private func skipByteOrderMark() throws(FileError) {
    // No more is waited for than is needed to tell.
    while bytes.count < 3, bytes.isEmpty || bytes[0] >= 0xef, try fill() {}
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
      hasByteOrderMark = true
      start = 3
    } else if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw FileError("read", path, "it begins with the byte order mark of UTF-16, UTF-8 is read")
    }
  }

  private func piece(upTo end: Int) throws(FileError) -> [UInt8] {
    guard end - start <= Self.longest else { throw tooLong() }
    count += 1
    let newline = separator == UInt8(ascii: "\n")
    let hasReturn = newline && end > start && bytes[end - 1] == UInt8(ascii: "\r")
    return Array(bytes[start..<(hasReturn ? end - 1 : end)])
  }

  /// - Returns: whether there was more.
  private func fill() throws(FileError) -> Bool {
    let size = 64 << 10
    let old = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: size))
    do {
      let read = try unsafe bytes.withUnsafeMutableBytes {
        try unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[old...]))
      }
      bytes.removeLast(size - read)
      return read > 0
    } catch {
      bytes.removeLast(size)
      throw FileError("read", path, error)
    }
  }
}
