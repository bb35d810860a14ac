internal import Bytes
internal import SystemPackage

/// The folder that an export goes to.
struct ExportFolder {
  let path: FilePath
  private(set) var files: [ExportedFile] = []

  /// Makes the folder.
  ///
  /// - Throws: `Refusal` for one that is not empty, unless its files may be replaced.
  init(_ path: FilePath, overwriting overwrites: Bool) throws {
    self.path = path
    guard FileKind(of: path) == .directory else { return }
    guard try overwrites || Folder.names(in: path).isEmpty else {
      throw Refusal("'\(path)' is not empty", .exists, about: path)
    }
  }

  /// The path of a file in the folder or below it, whose own folder is made.
  func place(_ name: String) throws(FileError) -> FilePath {
    let place = path.appending(FilePath(name).components)
    try Folder.create(place.removingLastComponent())
    return place
  }

  mutating func note(_ name: String, _ size: Int) {
    files.append(ExportedFile(name: name, size: size))
  }

  mutating func write(_ text: String, _ name: String) throws(FileError) {
    var file = try AtomicFile(replacing: place(name))
    try file.append(text: text)
    let count = file.count
    try file.commit()
    note(name, count)
  }

  /// - Parameter limit: how long the file may be before its values go into a file of their own.
  mutating func write(_ model: ONNXModel, _ name: String, limit: Int) throws {
    let place = try place(name)
    let above = FilePath(name).removingLastComponent()
    for (path, size) in try model.write(to: place, limit: limit) {
      note(above.appending(path.lastComponent?.string ?? "").string, size)
    }
  }
}

/// A file that has been written.
public struct ExportedFile: Equatable, Sendable {
  /// Below the folder of the export.
  public var name: String
  /// In bytes.
  public var size: Int
}
