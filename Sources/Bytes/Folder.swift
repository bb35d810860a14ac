internal import Platform
public import SystemPackage

/// What lies under a path, links followed.
public enum FileKind: Sendable {
  case file, directory
  /// A pipe, a device or a socket.
  case other

  /// `nil` where nothing lies, or where nothing can be seen.
  public init?(of path: FilePath) {
    var status = stat()
    guard unsafe stat(path.string, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .directory
    default: self = .other
    }
  }

  /// Who may read and write what lies under a path; `nil` where nothing can be seen.
  public static func permissions(of path: FilePath) -> FilePermissions? {
    var status = stat()
    guard unsafe stat(path.string, &status) == 0 else { return nil }
    return FilePermissions(rawValue: CModeT(status.st_mode & 0o777))
  }

  /// Whether two paths lead to one file, links followed. Paths to nothing are never the same.
  public static func areSame(_ a: FilePath, _ b: FilePath) -> Bool {
    var (first, second) = (stat(), stat())
    guard unsafe stat(a.string, &first) == 0, unsafe stat(b.string, &second) == 0 else {
      return false
    }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino
  }
}

public enum Folder {
  /// The names in a folder, in the order of their UTF-8 bytes, without `.` and `..`.
  public static func names(in path: FilePath) throws(FileError) -> [String] {
    guard let folder = unsafe opendir(path.string) else {
      throw FileError("read", path, Errno(rawValue: errno))
    }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Creates a folder and those above it; one that is there already is left as it is.
  ///
  /// - Returns: those that were not there, from above to below.
  @discardableResult
  public static func create(_ path: FilePath) throws(FileError) -> [FilePath] {
    if FileKind(of: path) == .directory { return [] }
    let above = path.removingLastComponent()
    let created = above.isEmpty || above == path ? [] : try create(above)
    guard unsafe mkdir(path.string, 0o777) == 0 || errno == EEXIST else {
      let error = FileError("create", path, Errno(rawValue: errno))
      removeEmpty(created)
      throw error
    }
    return created + [path]
  }

  /// Removes folders that `create` has made, from below to above, as far as they are empty.
  public static func removeEmpty(_ created: [FilePath]) {
    for path in created.reversed() {
      guard unsafe rmdir(path.string) == 0 else { return }
    }
  }
}
