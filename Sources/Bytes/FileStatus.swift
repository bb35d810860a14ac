internal import Platform
public import SystemPackage

/// What the system knows of a file, links followed.
public struct FileStatus: Sendable {
  public let kind: FileKind
  public let identity: FileIdentity
  /// In bytes.
  public let size: Int
  /// Who may read and write it.
  public let permissions: FilePermissions
  let owner: uid_t
  let group: gid_t

  /// `nil` where nothing lies under the path, or where nothing can be seen.
  public init?(of path: FilePath) {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else { return nil }
    self.init(status)
  }

  /// `nil` for a descriptor that is not open.
  public init?(of file: FileDescriptor) {
    var status = stat()
    guard unsafe fstat(file.rawValue, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    kind = FileKind(mode: status.st_mode)
    size = Int(status.st_size)
    identity = FileIdentity(
      device: UInt64(truncatingIfNeeded: status.st_dev),
      number: UInt64(truncatingIfNeeded: status.st_ino))
    permissions = FilePermissions(rawValue: CModeT(status.st_mode & 0o777))
    owner = status.st_uid
    group = status.st_gid
  }
}

/// Which file it is, under whatever name: what `st_dev` and `st_ino` say.
public struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let number: UInt64
}
