internal import Bytes
internal import SystemPackage

/// The files of one folder.
struct FolderFiles {
  let folder: FilePath

  init(_ folder: FilePath) { self.folder = folder }

  func has(_ name: String) -> Bool { FileKind(of: folder.appending(name)) == .file }

  func bytes(_ name: String) throws -> [UInt8] {
    let file = try MappedFile(folder.appending(name))
    return unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
  }

  /// `nil` where there is no such file.
  func json(_ name: String) throws -> JSON? {
    guard has(name) else { return nil }
    let bytes = try bytes(name)
    return try Self.naming(name) { () throws(FormatError) in try JSON(parsing: bytes.span) }
  }

  /// Puts a file's name before what is wrong with it.
  static func naming<Result>(
    _ name: String, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    do {
      return try body()
    } catch {
      throw error.within(name)
    }
  }
}
