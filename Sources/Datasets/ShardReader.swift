public import Bytes
internal import ClipPack
public import SystemPackage

/// The samples of a shard: a tar in WebDataset's form, or a list of paths.
///
/// In a tar, adjacent members whose names are equal up to the first dot behind the last slash are
/// one sample: `0001.jpg`, `0001.txt`, `0001.json`. A sample without a picture is passed over.
///
/// Source: webdataset 1.0, `base_plus_ext` and `group_by_keys`.
public struct ShardReader {
  static let pictureEndings = ["jpg", "jpeg", "png", "webp"]

  private enum Form {
    case tar(TarReader, path: FilePath)
    case list(LineReader)
  }

  private var form: Form
  /// The member that began the next sample.
  private var ahead: TarReader.Member?

  /// - Throws: `FileError` when the file cannot be read.
  public init(_ path: FilePath) throws(FileError) {
    if path.extension == "tar" {
      let file = try MappedFile(path)
      form = .tar(TarReader(Buffer(file, 0..<file.count)), path: path)
    } else {
      form = .list(try LineReader(path, skipsEmpty: true))
    }
  }

  /// The next picture; `nil` after the last.
  ///
  /// - Throws: `FileError`, and `InputError` for a tar that is damaged.
  public mutating func next() throws -> Sample? {
    switch form {
    case .list(let lines):
      guard let path = try lines.next() else { return nil }
      return Sample(key: path, picture: .file(FilePath(bytes: path)), caption: nil)
    case .tar(var reader, let path):
      defer { form = .tar(reader, path: path) }
      do throws(FormatError) { return try next(&reader) } catch {
        throw InputError(path: path, error: error)
      }
    }
  }

  private mutating func next(_ reader: inout TarReader) throws(FormatError) -> Sample? {
    while true {
      let begun = ahead
      ahead = nil
      guard let first = begun == nil ? try reader.next() : begun else { return nil }
      let key = Self.split(first.name).key
      var picture: Buffer?
      var caption: String?
      var member: TarReader.Member? = first
      while let current = member {
        let (currentKey, ending) = Self.split(current.name)
        guard currentKey == key else {
          ahead = current
          break
        }
        if picture == nil, Self.pictureEndings.contains(ending) {
          picture = current.content
        } else if ending == "txt", current.content.count <= LineReader.longest {
          let bytes = current.content.bytes.array
          caption = String(decoding: bytes, as: UTF8.self)
        }
        member = try reader.next()
      }
      if let picture { return Sample(key: key, picture: .encoded(picture), caption: caption) }
    }
  }

  /// `a/0001.cls.txt` → `a/0001`, `cls.txt`; the ending in small letters.
  private static func split(_ name: [UInt8]) -> (key: [UInt8], ending: String) {
    let start = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    guard let dot = name[start...].firstIndex(of: UInt8(ascii: ".")) else { return (name, "") }
    return (
      Array(name[..<dot]), String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased()
    )
  }
}
