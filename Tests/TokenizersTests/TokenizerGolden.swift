import Bytes
import Platform
import SystemPackage
import TestSupport
import Testing

/// Texts with the ids that transformers gives them, a line of `{"text": …, "ids": […]}` each.
///
/// `Scripts/make_tokenizer_goldens.py` and `Scripts/compare_tokenizer.py` write such files.
struct TokenizerGolden {
  struct Entry {
    var text: String
    var ids: [Int32]
    /// What transformers makes of the ids.
    var decoded: String?

    init(_ json: JSON) throws {
      text = try #require(json["text"]?.string)
      ids = try #require(json["ids"]?.array).map { Int32(try #require($0.int)) }
      decoded = json["decoded"]?.string
    }
  }

  var entries: [Entry] = []

  init(lines path: FilePath) throws {
    for line in try bytes(of: path).split(separator: UInt8(ascii: "\n")) {
      let text = Array(line)
      entries.append(try Entry(JSON(parsing: text.span)))
    }
  }

  /// A folder with CLIP's real vocabulary, which this repository does not carry.
  static let realVocabulary = environment("CLIP_PACK_TOKENIZER")
  /// What transformers made with it.
  static let realIDs = environment("CLIP_PACK_TOKENIZER_GOLDEN")

  private static func environment(_ name: String) -> FilePath? {
    unsafe getenv(name).map { unsafe FilePath(String(cString: $0)) }
  }
}

func bytes(of path: FilePath) throws -> [UInt8] {
  let file = try MappedFile(path)
  return unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
}
