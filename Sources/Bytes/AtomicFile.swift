internal import Platform
public import SystemPackage

/// A file that appears under its name whole or not at all.
///
/// Bytes go to a temporary sibling, `.<name>.<process>.partial`, which `commit` flushes to disk and
/// renames over the destination. A program that has the old file mapped keeps the old bytes.
/// Until then the sibling is locked; a sibling whose lock is free was left by a process that died,
/// and the next `AtomicFile` of the same name removes it.
public struct AtomicFile: ~Copyable {
  public let destination: FilePath
  private let temporary: FilePath
  private let file: FileDescriptor
  private let unfinished: Unfinished
  private var hasItsName = false
  /// How many bytes have been appended.
  public private(set) var count = 0
  /// How many of them the system has been asked to write to disk.
  private var sent = 0

  /// Creates the temporary sibling, readable and writable.
  ///
  /// - Throws: `FileError`: no such folder, no permission, or a destination that is a folder.
  public init(
    replacing destination: FilePath,
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead]
  ) throws(FileError) {
    let (temporary, file) = try Self.create(for: destination, permissions)
    self.destination = destination
    self.temporary = temporary
    self.file = file
    unfinished = Unfinished(temporary)
  }

  private static func create(
    for destination: FilePath, _ permissions: FilePermissions
  ) throws(FileError) -> (FilePath, FileDescriptor) {
    switch FileKind(of: destination) {
    case .directory: throw FileError("write", destination, Errno.isDirectory)
    case .other:
      throw FileError("write", destination, "it is a pipe or a device, a regular file is needed")
    case .file, nil: break
    }
    guard let name = destination.lastComponent?.string else {
      throw FileError("write", destination, "it is no name of a file")
    }
    let folder = destination.removingLastComponent()
    removeLeftovers(of: name, in: folder)
    let temporary = folder.appending(".\(name).\(getpid()).partial")
    do {
      let file = try FileDescriptor.open(
        temporary, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: permissions)
      _ = flock(file.rawValue, LOCK_EX | LOCK_NB)
      return (temporary, file)
    } catch {
      throw FileError("write", destination, error)
    }
  }

  private static func removeLeftovers(of name: String, in folder: FilePath) {
    for leftover in (try? Folder.names(in: folder.isEmpty ? "." : folder)) ?? []
    where leftover.hasPrefix(".\(name).") && leftover.hasSuffix(".partial") {
      let path = folder.appending(leftover)
      guard let file = try? FileDescriptor.open(path, .readOnly) else { continue }
      defer { try? file.close() }
      if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { unsafe _ = unlink(path.string) }
    }
  }

  /// Appends the bytes.
  public mutating func append(_ bytes: RawSpan) throws(FileError) {
    try write(bytes, at: count)
    count += bytes.byteCount
    sendOn()
  }

  /// How much is left to the system to write when it likes.
  private static let sendingSize = 16 << 20

  /// Has the system begin to write to disk, beside other work, what `commit` else waits for.
  private mutating func sendOn() {
    guard count - sent >= Self.sendingSize else { return }
    #if canImport(Glibc) || canImport(Musl)
      // Linux begins to write dirty pages that are said not to be needed, and keeps those in memory.
      posix_fadvise(file.rawValue, off_t(sent), off_t(count - sent), POSIX_FADV_DONTNEED)
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
        unsafe try file.writeAll(toAbsoluteOffset: Int64(offset), $0)
      }
    } catch {
      throw FileError("write", destination, error)
    }
  }

  /// The temporary file's path, for reading back what has been written before it is committed.
  public var workingPath: FilePath { temporary }

  /// Flushes the bytes to disk and gives the file its name.
  public consuming func commit() throws(FileError) {
    guard fsync(file.rawValue) == 0 else {
      throw FileError("write", destination, Errno(rawValue: errno))
    }
    guard unsafe rename(temporary.string, destination.string) == 0 else {
      throw FileError("write", destination, Errno(rawValue: errno))
    }
    hasItsName = true
  }

  deinit {
    try? file.close()
    if !hasItsName { unsafe _ = unlink(temporary.string) }
  }
}
