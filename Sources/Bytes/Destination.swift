internal import Platform
internal import SystemPackage

/// Where an output goes: the one rule for all outputs.
///
/// - A regular file is replaced, whole or not at all, and keeps its mode and owner.
/// - A symbolic link is followed: what it leads to is replaced, or made, and the link stays.
/// - A pipe, a device and an open file under `/dev/fd` are written to and stay what they are.
/// - A folder is refused, and so is a file that this program has read (`ReadFiles`).
enum Destination {
  /// A regular file under its own name, and what is known of the one that is there.
  case file(FilePath, replaced: FileStatus?)
  case stream(FilePath)
  /// A file that this program was started with, by its number.
  case open(FileDescriptor)

  /// As many links in a row as Linux follows.
  private static let mostLinks = 40

  /// - Parameter isInput: whether the output may be a file that has been read.
  init(_ path: FilePath, mayReplaceInput isInput: Bool) throws(FileError) {
    if let number = Self.descriptor(path) {
      self = .open(number)
      return
    }
    let status = FileStatus(of: path)
    switch status?.kind {
    case .directory: throw FileError("write", path, Errno.isDirectory)
    case .other:
      self = .stream(path)
      return
    case .file, nil: break
    }
    guard path.lastComponent != nil else {
      throw FileError("write", path, "it is no name of a file", code: .name)
    }
    if let status, !isInput, ReadFiles.contain(status.identity) {
      throw FileError("write", path, "it is an input itself", code: .isInput)
    }
    self = .file(try Self.followed(path), replaced: status)
  }

  /// Where links lead, whether something lies there or not.
  private static func followed(_ path: FilePath) throws(FileError) -> FilePath {
    var place = path
    for _ in 0...mostLinks {
      guard let target = link(at: place) else { return place }
      place = place.removingLastComponent().pushing(target)
    }
    throw FileError("write", path, Errno.tooManySymbolicLinkLevels)
  }

  /// What a symbolic link says; `nil` for what is none.
  private static func link(at path: FilePath) -> FilePath? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = unsafe path.withPlatformString { path in
      unsafe readlink(path, &bytes, bytes.count - 1)
    }
    return count > 0 ? FilePath(bytes: bytes.prefix(count).map(UInt8.init(bitPattern:))) : nil
  }

  /// The number that a name of an open file stands for: `/dev/stdout`, `/dev/fd/3`.
  private static func descriptor(_ path: FilePath) -> FileDescriptor? {
    switch path.string {
    case "/dev/stdout": return .standardOutput
    case "/dev/stderr": return .standardError
    case let name:
      for folder in ["/dev/fd/", "/proc/self/fd/"] where name.hasPrefix(folder) {
        guard let number = CInt(name.dropFirst(folder.count)), number >= 0 else { continue }
        return FileDescriptor(rawValue: number)
      }
      return nil
    }
  }
}
