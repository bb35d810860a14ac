internal import Platform
public import SystemPackage

/// A file that appears under its name whole or not at all; every output of this package is one.
///
/// Bytes go to a temporary sibling, which `commit` flushes to disk and renames over the
/// destination. A program that has the old file mapped keeps the old bytes. What may be a
/// destination, and what happens to links, pipes and devices, says `Destination`: bytes for a pipe
/// or a device wait in the folder for temporary files until `commit`.
public struct AtomicFile: ~Copyable {
  public let destination: FilePath
  private let place: Destination
  private let mayReplaceInput: Bool
  private let temporary: TemporaryFile
  /// How many bytes have been appended.
  public private(set) var count = 0
  /// How many of them the system has been asked to write to disk.
  private var sent = 0

  /// Creates the temporary file, readable and writable.
  ///
  /// - Parameters:
  ///   - permissions: of a file that was not there before, less what the process's mask takes away;
  ///     one that was there keeps its own.
  ///   - mayReplaceInput: whether the destination may be a file that this program has read.
  /// - Throws: `FileError`: no such folder, no permission, or a destination that cannot be one.
  public init(
    replacing destination: FilePath,
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead],
    mayReplaceInput: Bool = false
  ) throws(FileError) {
    let place = try Destination(destination, mayReplaceInput: mayReplaceInput)
    temporary = try Self.temporary(for: destination, place, permissions)
    self.destination = destination
    self.place = place
    self.mayReplaceInput = mayReplaceInput
  }

  private static func temporary(
    for destination: FilePath, _ place: Destination, _ permissions: FilePermissions
  ) throws(FileError) -> TemporaryFile {
    var (folder, target) = (temporaryFolder, destination)
    var allowed: FilePermissions = .ownerReadWrite
    if case .file(let path, let replaced) = place {
      (folder, target) = (path.removingLastComponent(), path)
      // Nobody may read a new version who may not read the old one.
      allowed =
        replaced.map { permissions.intersection($0.permissions).union(.ownerReadWrite) }
        ?? permissions
    }
    return try TemporaryFile(for: destination, in: folder, named: target, allowed)
  }

  private static var temporaryFolder: FilePath {
    let name = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
    return FilePath(name.isEmpty ? "/tmp" : name)
  }

  /// Appends the bytes.
  public mutating func append(_ bytes: RawSpan) throws(FileError) {
    try write(bytes, at: count)
    count += bytes.byteCount
    sendOn()
  }

  /// Appends the text as UTF-8.
  public mutating func append(text: String) throws(FileError) {
    let utf8 = Array(text.utf8)
    try unsafe append(utf8.span.bytes)
  }

  /// How much is left to the system to write when it likes.
  private static let sendingSize = 16 << 20

  /// Has the system begin to write to disk, beside other work, what `commit` else waits for.
  private mutating func sendOn() {
    guard count - sent >= Self.sendingSize else { return }
    #if canImport(Glibc) || canImport(Musl)
      // Linux begins to write dirty pages that are said not to be needed, and keeps those in
      // memory.
      posix_fadvise(
        temporary.file.rawValue, off_t(sent), off_t(count - sent), POSIX_FADV_DONTNEED)
    #endif
    sent = count
  }

  /// Appends zeros until `count` is a multiple of `alignment`.
  public mutating func pad(to alignment: Int) throws(FileError) {
    try appendZeros((alignment - count % alignment) % alignment)
  }

  public mutating func appendZeros(_ count: Int) throws(FileError) {
    let zeros = [UInt8](repeating: 0, count: count)
    try unsafe append(zeros.span.bytes)
  }

  /// Overwrites bytes that have been appended.
  public mutating func overwrite(_ bytes: RawSpan, at offset: Int) throws(FileError) {
    precondition(offset + bytes.byteCount <= count, "overwriting what has not been written")
    try write(bytes, at: offset)
  }

  private func write(_ bytes: RawSpan, at offset: Int) throws(FileError) {
    do {
      _ = unsafe try bytes.withUnsafeBytes {
        unsafe try temporary.file.writeAll(toAbsoluteOffset: Int64(offset), $0)
      }
    } catch {
      throw FileError("write", destination, error)
    }
  }

  /// The temporary file's path, for reading back what has been written before it is committed.
  public var workingPath: FilePath { temporary.path }

  /// Flushes the bytes to disk and gives the file its name, or writes them where they go.
  ///
  /// - Throws: `FileError`, also where the destination has been read since the file was begun.
  public consuming func commit() throws(FileError) {
    let (destination, mayReplaceInput) = (destination, mayReplaceInput)
    let target: FilePath
    switch place {
    case .open(let file): return try copy(to: file)
    case .stream:
      let file: FileDescriptor
      do { file = try FileDescriptor.open(destination, .writeOnly, options: .closeOnExec) } catch {
        throw FileError("write", destination, error)
      }
      defer { try? file.close() }
      return try copy(to: file)
    case .file(let path, let replaced):
      target = path
      if let replaced {
        // Owner first: changing it may take bits of the mode away.
        _ = fchown(temporary.file.rawValue, replaced.owner, replaced.group)
        fchmod(temporary.file.rawValue, mode_t(replaced.permissions.rawValue))
      }
    }
    // Other inputs may have been read since; what lies there now decides.
    _ = try Destination(destination, mayReplaceInput: mayReplaceInput)
    guard fsync(temporary.file.rawValue) == 0 else {
      throw FileError("write", destination, Errno(rawValue: errno))
    }
    try temporary.rename(to: target, for: destination)
  }

  /// Writes everything to a file that is open.
  private borrowing func copy(to file: FileDescriptor) throws(FileError) {
    var piece = [UInt8](repeating: 0, count: min(count, 1 << 20))
    var offset = 0
    do {
      while offset < count {
        let read = try unsafe piece.withUnsafeMutableBytes {
          try unsafe temporary.file.read(fromAbsoluteOffset: Int64(offset), into: $0)
        }
        guard read > 0 else { throw Errno.ioError }
        try unsafe piece.withUnsafeBytes {
          _ = try unsafe file.writeAll(UnsafeRawBufferPointer(rebasing: $0[..<read]))
        }
        offset += read
      }
    } catch {
      throw FileError("write", destination, error)
    }
  }
}
