public import Architecture
public import Bytes
public import Images
public import SystemPackage

/// A picture, in whichever form somebody has it.
public enum PictureSource: Sendable {
  /// A PNG, JPEG or WebP file.
  case file(FilePath)
  /// The bytes of a PNG, JPEG or WebP file.
  case encoded(Buffer)
  case decoded(Picture)

  /// What an image tower takes of it.
  ///
  /// - Throws: `FileError` or `InputError` naming a path, `FormatError` for what has none.
  public func pixels(_ preprocessing: Preprocessing) throws -> Pixels {
    switch self {
    case .file(let path):
      let file = try MappedFile(path)
      do {
        return try Pixels(decoding: Buffer(file, 0..<file.count), preprocessing)
      } catch {
        throw InputError(path: path, error: error)
      }
    case .encoded(let file): return try Pixels(decoding: file, preprocessing)
    case .decoded(let picture): return try Pixels(picture, preprocessing)
    }
  }
}
