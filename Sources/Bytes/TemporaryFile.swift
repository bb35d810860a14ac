internal import Platform
internal import SystemPackage

/// A file that goes with this object unless it gets another name: readable and writable, locked as
/// long as it is open.
///
/// It is called `.<name>.clip-pack-<process>-<number>.partial`. One whose lock is free was left by
/// a process that died, and the next temporary file for the same name removes it; nothing else is
/// called like that.
struct TemporaryFile: ~Copyable {
  let path: FilePath
  let file: FileDescriptor
  private let pending: PendingFile
  private var hasItsName = false

  /// - Parameters:
  ///   - destination: the file that errors name.
  ///   - folder: where it is made.
  ///   - target: the file whose name it is called after.
  init(
    for destination: FilePath, in folder: FilePath, named target: FilePath,
    _ permissions: FilePermissions
  ) throws(FileError) {
    let stem = Self.stem(of: Self.lastName(of: target))
    Self.removeLeftovers(of: stem, in: folder)
    (path, file) = try Self.create(stem, for: destination, in: folder, permissions)
    pending = PendingFile(path)
  }

  private static let mark = ".clip-pack-"
  private static let ending = ".partial"
  /// What file systems allow in a name, in bytes.
  private static let longestName = 255

  /// The bytes of what follows the last slash.
  private static func lastName(of path: FilePath) -> [UInt8] {
    path.bytes.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
  }

  /// `.<name>`, cut where two numbers of twenty digits would not fit behind it, and not within
  /// a character.
  private static func stem(of name: [UInt8]) -> [UInt8] {
    let room = longestName - mark.utf8.count - 41 - ending.utf8.count
    var stem = Array(".".utf8) + name
    guard stem.count > room else { return stem }
    let isContinuation = { (byte: UInt8) in byte & 0xc0 == 0x80 }
    var end = room
    while end > room - 3, isContinuation(stem[end]) { end -= 1 }
    stem.removeSubrange(end...)
    return stem
  }

  private static func create(
    _ stem: [UInt8], for destination: FilePath, in folder: FilePath, _ permissions: FilePermissions
  ) throws(FileError) -> (FilePath, FileDescriptor) {
    // Other processes of the same number, in other containers, may have left files here.
    for number in 0..<10_000 {
      let name = stem + Array("\(mark)\(getpid())-\(number)\(ending)".utf8)
      let path = folder.appending(FilePath(bytes: name).components)
      let file: FileDescriptor
      do {
        file = try FileDescriptor.open(
          path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: permissions)
      } catch Errno.fileExists {
        continue
      } catch {
        throw FileError("write", destination, error)
      }
      // Another process may have taken it for a leftover before it was locked.
      let isLocked = flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
      if isLocked, let own = FileStatus(of: file), own.identity == FileStatus(of: path)?.identity {
        return (path, file)
      }
      try? file.close()
    }
    throw FileError("write", destination, "10000 temporary files of its name are in the folder")
  }

  private static func removeLeftovers(of stem: [UInt8], in folder: FilePath) {
    let head = stem + Array(mark.utf8)
    for name in (try? Folder.names(in: folder.isEmpty ? "." : folder, beginningWith: head)) ?? []
    where isLeftover(name, behind: head) {
      let path = folder.appending(FilePath(bytes: name).components)
      guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else {
        continue
      }
      defer { try? file.close() }
      if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { remove(path) }
    }
  }

  /// Whether a name that begins like one that `create` gives goes on so: two numbers.
  private static func isLeftover(_ name: [UInt8], behind head: [UInt8]) -> Bool {
    guard name.dropFirst(head.count).hasSuffix(ending) else { return false }
    let numbers = name.dropFirst(head.count).dropLast(ending.utf8.count)
      .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    return numbers.count == 2
      && numbers.allSatisfy {
        !$0.isEmpty && $0.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      }
  }

  private static func remove(_ path: FilePath) {
    unsafe path.withPlatformString { unsafe _ = unlink($0) }
  }

  /// Gives it a name, in place of what has it.
  consuming func rename(to target: FilePath, for destination: FilePath) throws(FileError) {
    let isRenamed = unsafe path.withPlatformString { old in
      unsafe target.withPlatformString { new in unsafe systemRename(old, new) == 0 }
    }
    guard isRenamed else { throw FileError("write", destination, Errno(rawValue: errno)) }
    // It may have been read back; now it is an output, which another may replace.
    if let identity = FileStatus(of: file)?.identity { ReadFiles.forget(identity) }
    hasItsName = true
  }

  deinit {
    if !hasItsName {
      if let identity = FileStatus(of: file)?.identity { ReadFiles.forget(identity) }
      Self.remove(path)
    }
    try? file.close()
  }
}

/// `rename` of the system, whose name a method of `TemporaryFile` has too.
private func systemRename(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> CInt {
  unsafe rename(old, new)
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ text: String) -> Bool {
    suffix(text.utf8.count).elementsEqual(text.utf8)
  }
}
