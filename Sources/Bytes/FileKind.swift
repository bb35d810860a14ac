internal import Platform
public import SystemPackage

/// What lies under a path, links followed.
public enum FileKind: Sendable {
  case file, directory
  /// A pipe, a device or a socket.
  case other

  /// `nil` where nothing lies, or where nothing can be seen.
  public init?(of path: FilePath) {
    guard let status = FileStatus(of: path) else { return nil }
    self = status.kind
  }

  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .directory
    default: self = .other
    }
  }

  /// Who may read and write what lies under a path; `nil` where nothing can be seen.
  public static func permissions(of path: FilePath) -> FilePermissions? {
    FileStatus(of: path)?.permissions
  }

  /// Whether two paths lead to one file, links followed. Paths to nothing are never the same.
  public static func areSame(_ a: FilePath, _ b: FilePath) -> Bool {
    guard let first = FileStatus(of: a), let second = FileStatus(of: b) else { return false }
    return first.identity == second.identity
  }
}
