internal import Platform
public import SystemPackage

/// A file mapped read-only into memory for as long as this object lives.
///
/// The mapping is private: a program that writes to the file afterwards does not break memory
/// safety here, but a program that truncates it does: reading what is gone raises `SIGBUS`, at
/// which the command line says so and ends. `hasChanged` tells the rest.
@safe public final class MappedFile: Sendable {
  public let path: FilePath
  /// `nil` for an empty file, which `mmap` refuses to map.
  private nonisolated(unsafe) let start: UnsafeMutableRawPointer?
  /// In bytes.
  public let count: Int
  /// The file's when it was mapped.
  private let version: Version?

  /// Maps the whole file.
  ///
  /// - Throws: `FileError` naming the path and the call that failed; a folder, a pipe or a device
  ///   cannot be mapped.
  public init(_ path: FilePath) throws(FileError) {
    let mapping = unsafe try Self.map(path)
    self.path = path
    unsafe start = mapping.baseAddress
    count = mapping.count
    version = Version(of: path)
  }

  /// Whether somebody has written to the file, or put another in its place, since it was mapped.
  public var hasChanged: Bool { Version(of: path) != version }

  /// What changes whenever a file does.
  private struct Version: Equatable {
    let file: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int

    init?(of path: FilePath) {
      var status = stat()
      guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else { return nil }
      file = UInt64(status.st_ino)
      size = Int64(status.st_size)
      #if canImport(Darwin)
        (seconds, nanoseconds) = (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
      #else
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      #endif
    }
  }

  private static func map(_ path: FilePath) throws(FileError) -> UnsafeMutableRawBufferPointer {
    switch FileKind(of: path) {
    case .directory: throw FileError("read", path, Errno.isDirectory)
    case .other:
      throw FileError(
        "map", path, "it is a pipe or a device, a regular file is needed", code: .kind)
    case .file, nil: break
    }
    let file: FileDescriptor
    do { file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec) } catch {
      throw FileError("open", path, error)
    }
    defer { try? file.close() }
    ReadFiles.note(FileStatus(of: file))
    let size: Int64
    do { size = try file.seek(offset: 0, from: .end) } catch {
      throw FileError("seek in", path, error)
    }
    let count = Int(size)
    guard count > 0 else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    guard let start = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, file.rawValue, 0),
      unsafe start != MAP_FAILED
    else { throw FileError("map", path, Errno(rawValue: errno)) }
    return unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  deinit {
    if let start = unsafe start { unsafe munmap(start, count) }
  }

  /// The file's bytes, valid while this mapping lives.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let buffer = unsafe UnsafeRawBufferPointer(start: start, count: count)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
    }
  }

  /// Lets go of the memory behind a range; the next access reads the file again.
  ///
  /// Keeps the resident size of a program that walks through a large file small.
  public func release(_ range: Range<Int>) {
    guard let start = unsafe start else { return }
    let page = 4096
    let lower = (range.lowerBound + page - 1) / page * page
    let upper = min(range.upperBound, count) / page * page
    if lower < upper { unsafe madvise(start + lower, upper - lower, Int32(MADV_DONTNEED)) }
  }
}
