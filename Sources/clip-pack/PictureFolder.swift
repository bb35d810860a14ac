import Bytes
import SystemPackage

/// The pictures of a folder, in the order of their names' bytes, and what else lies there.
struct PictureFolder {
  /// What the endings of names say of pictures that can be read; their content decides then.
  static let endings = ["png", "jpg", "jpeg", "webp"]

  let path: FilePath
  private(set) var pictures: [FilePath] = []
  /// How many files of each kind are left out.
  private var leftOut: [String: Int] = [:]

  /// - Throws: `FileError` for a folder that cannot be read.
  init(_ path: FilePath) throws(FileError) {
    self.path = path
    for entry in try Folder.entries(in: path) {
      if let kind = Self.kindLeftOut(entry) {
        leftOut[kind, default: 0] += 1
      } else {
        pictures.append(entry)
      }
    }
  }

  /// What a file is where it is no picture that can be read; `nil` for one that is.
  private static func kindLeftOut(_ path: FilePath) -> String? {
    if FileKind(of: path) == .directory { return "folder" }
    // macOS keeps the attributes of `x` in `._x` on disks that have no room for them.
    if path.lastComponent?.string.hasPrefix("._") ?? false { return "._ file of macOS" }
    guard let ending = path.extension?.lowercased() else { return "file without an ending" }
    return endings.contains(ending) ? nil : ".\(ending)"
  }

  private static let plurals = [
    "folder": "folders", "._ file of macOS": "._ files of macOS",
    "file without an ending": "files without an ending",
  ]

  /// What is left out, as a clause; `nil` where all is taken.
  var note: String? {
    guard !leftOut.isEmpty else { return nil }
    let kinds = leftOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { kind, count in
      "\(count) " + (count == 1 ? kind : Self.plurals[kind] ?? kind)
    }
    return "left out of '\(path)': " + kinds.joined(separator: ", ")
  }

  /// The pictures, and what is left out as a note.
  ///
  /// - Throws: `Refusal` for a folder that has none.
  func taken(noting notes: inout [String]) throws(Refusal) -> [FilePath] {
    guard !pictures.isEmpty else {
      throw Refusal(
        "'\(path)' has no .png, .jpg, .jpeg or .webp file"
          + (note.map { "; \($0)" } ?? ""), about: path)
    }
    if let note { notes.append(note) }
    for picture in pictures { ReadFiles.note(picture) }
    return pictures
  }
}
