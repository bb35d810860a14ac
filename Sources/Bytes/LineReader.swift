public import SystemPackage

/// Reads a file or a pipe piece by piece, each ended by one byte: lines, mostly.
///
/// Holds one piece at a time, however long the file is.
public final class LineReader {
  /// Paths have at most 4096 bytes on Linux, texts for a CLIP some hundred.
  public static let longest = 1 << 20

  /// What errors call it.
  public let path: FilePath
  private let file: FileDescriptor
  private let isOwned: Bool
  private let separator: UInt8
  /// What has been read, of which `start...` has not been given.
  private var bytes: [UInt8] = []
  private var start = 0
  /// How many pieces have been given.
  public private(set) var count = 0

  /// - Parameters:
  ///   - path: `-` for standard input.
  ///   - separator: what ends a piece; the last one may lack it.
  public init(_ path: FilePath, separator: UInt8 = UInt8(ascii: "\n")) throws(FileError) {
    self.separator = separator
    if path == "-" {
      (self.path, file, isOwned) = ("standard input", .standardInput, false)
      return
    }
    self.path = path
    isOwned = true
    do { file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec) } catch {
      throw FileError("open", path, error)
    }
  }

  deinit { if isOwned { try? file.close() } }

  /// The next piece without what ends it; `nil` after the last. A carriage return at the end of a
  /// line is part of its end.
  public func next() throws(FileError) -> [UInt8]? {
    var searched = start
    while true {
      if let end = bytes[searched...].firstIndex(of: separator) {
        defer { start = end + 1 }
        return piece(upTo: end)
      }
      guard bytes.count - start <= Self.longest else {
        throw FileError("read", path, "line \(count + 1) is longer than \(Self.longest) bytes")
      }
      bytes.removeFirst(start)
      start = 0
      searched = bytes.count
      guard try fill() else {
        defer { start = bytes.count }
        return bytes.isEmpty ? nil : piece(upTo: bytes.count)
      }
    }
  }

  private func piece(upTo end: Int) -> [UInt8] {
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
      throw FileError("read", path, error)
    }
  }
}
