internal import Bytes
internal import Platform
public import SystemPackage

/// A new, empty folder that goes with this object.
public final class TemporaryFolder: Sendable {
  public let path: FilePath

  public init() {
    var template = Array("/tmp/clip-pack-tests.XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { fatalError("no temporary folder: \(errno)") }
    path = FilePath(
      String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit { Self.remove(path) }

  public func appending(_ name: String) -> FilePath { path.appending(name) }

  /// Writes a file into the folder.
  @discardableResult
  public func write(_ bytes: [UInt8], _ name: String) throws -> FilePath {
    var file = try AtomicFile(replacing: appending(name))
    try unsafe file.append(bytes.span.bytes)
    try file.commit()
    return appending(name)
  }

  private static func remove(_ path: FilePath) {
    if FileKind(of: path) == .directory {
      for name in (try? Folder.names(in: path)) ?? [] { remove(path.appending(name)) }
      unsafe rmdir(path.string)
    } else {
      unsafe unlink(path.string)
    }
  }
}
