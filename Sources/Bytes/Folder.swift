internal import Platform
public import SystemPackage

public enum Folder {
  /// The names in a folder, in the order of their bytes, without `.` and `..`. Those that are not
  /// UTF-8 have U+FFFD in them, and lead nowhere; `entries` keeps their bytes.
  public static func names(in path: FilePath) throws(FileError) -> [String] {
    try entries(in: path).compactMap { $0.lastComponent?.string }
  }

  /// The paths of what lies in a folder, in the order of the names' bytes.
  public static func entries(in path: FilePath) throws(FileError) -> [FilePath] {
    try names(in: path, beginningWith: []).map { path.appending(FilePath(bytes: $0).components) }
  }

  /// As bytes, in their order.
  static func names(
    in path: FilePath, beginningWith stem: [UInt8]
  ) throws(FileError) -> [[UInt8]] {
    guard let folder = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
      throw FileError("read", path, Errno(rawValue: errno))
    }
    defer { unsafe closedir(folder) }
    var names: [[UInt8]] = []
    errno = 0
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe Array(bytes.prefix { $0 != 0 })
      }
      if name.starts(with: stem), name != Array(".".utf8), name != Array("..".utf8) {
        names.append(name)
      }
      errno = 0
    }
    guard errno == 0 else { throw FileError("read", path, Errno(rawValue: errno)) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Creates a folder and those above it; one that is there already is left as it is.
  ///
  /// - Returns: those that were not there, from above to below.
  @discardableResult
  public static func create(_ path: FilePath) throws(FileError) -> [FilePath] {
    if FileKind(of: path) == .directory { return [] }
    let above = path.removingLastComponent()
    let created = above.isEmpty || above == path ? [] : try create(above)
    let isMade = unsafe path.withPlatformString { unsafe mkdir($0, 0o777) } == 0
    guard isMade || errno == EEXIST && FileKind(of: path) == .directory else {
      let error = FileError("create", path, Errno(rawValue: errno))
      removeEmpty(created)
      throw error
    }
    return created + [path]
  }

  /// Removes folders that `create` has made, from below to above, as far as they are empty.
  public static func removeEmpty(_ created: [FilePath]) {
    for path in created.reversed() {
      guard unsafe path.withPlatformString({ unsafe rmdir($0) }) == 0 else { return }
    }
  }
}
