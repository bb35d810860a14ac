internal import Bytes
public import SystemPackage

/// The tokenizer as files that transformers reads.
extension Tokenizer {
  /// Whether a folder has files that `init(folder:)` can read.
  public static func isIn(_ folder: FilePath) -> Bool {
    ["tokenizer.json", "vocab.json", simpleVocabulary].contains {
      FileKind(of: folder.appending($0)) == .file
    }
  }

  /// `vocab.json`, `merges.txt` and `tokenizer_config.json`, each with its text.
  public var files: [(name: String, text: String)] {
    var ids = JSON.Object()
    for (id, token) in vocabulary.tokens.enumerated() { ids[token] = .integer(id) }
    let lines = merges.pairs.map { vocabulary[$0.left] + " " + vocabulary[$0.right] }
    let settings: JSON = [
      "tokenizer_class": "CLIPTokenizer",
      "bos_token": .string(token(start)), "eos_token": .string(token(end)),
      "unk_token": .string(token(unknown)), "pad_token": .string(token(padding)),
    ]
    return [
      ("vocab.json", JSON.object(ids).description),
      ("merges.txt", (["#version: 0.2"] + lines).joined(separator: "\n") + "\n"),
      ("tokenizer_config.json", settings.indented + "\n"),
    ]
  }
}
