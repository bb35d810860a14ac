import Bytes
import SystemPackage

/// What an embedding is of: a picture, known by its path, or a text.
enum Name {
  case picture(FilePath)
  case text(String)

  /// What it is called as a key of JSON.
  var key: String {
    switch self {
    case .picture: "image"
    case .text: "text"
    }
  }

  /// As bytes, which need not be UTF-8 in a path.
  var bytes: [UInt8] {
    switch self {
    case .picture(let path): path.bytes
    case .text(let text): Array(text.utf8)
    }
  }

  /// A member of an object: `image`, or `image_base64` for a path that is not UTF-8.
  var member: (String, JSON) {
    switch self {
    case .picture(let path):
      let member = PathMember(key, path)
      return (member.key, member.value)
    case .text(let text): return (key, .string(text))
    }
  }

  /// An element of an array: a string, or an object of one member, `base64`.
  var json: JSON {
    String(validating: bytes, as: UTF8.self).map(JSON.string)
      ?? ["base64": .string(Base64.encode(bytes))]
  }
}
