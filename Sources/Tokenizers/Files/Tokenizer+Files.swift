internal import Bytes
public import SystemPackage

/// The tokenizer as files that transformers reads.
extension Tokenizer {
  /// Whether a folder has files that `init(folder:)` can read.
  public static func isIn(_ folder: FilePath) -> Bool {
    (["tokenizer.json", "vocab.json", "vocab.txt", simpleVocabulary] + sentencePieceNames).contains
    {
      FileKind(of: folder.appending($0)) == .file
    }
  }

  /// Files with their text: of CLIP's tokenizer `vocab.json`, `merges.txt` and
  /// `tokenizer_config.json`, of others `tokenizer.json` and `tokenizer_config.json`.
  public var files: [(name: String, text: String)] {
    var settings: JSON.Object = [
      "tokenizer_class": .string(clip == nil ? "PreTrainedTokenizerFast" : "CLIPTokenizer")
    ]
    if let start { settings["bos_token"] = .string(token(start)) }
    if let end { settings["eos_token"] = .string(token(end)) }
    if let unknown { settings["unk_token"] = .string(token(unknown)) }
    if let padding { settings["pad_token"] = .string(token(padding)) }
    let config = ("tokenizer_config.json", JSON.object(settings).indented + "\n")
    guard let clip else { return [("tokenizer.json", tokenizerJSON() + "\n"), config] }
    let lines = clip.merges.pairs.map { vocabulary[$0.left] + " " + vocabulary[$0.right] }
    return [
      ("vocab.json", vocabulary.json),
      ("merges.txt", (["#version: 0.2"] + lines).joined(separator: "\n") + "\n"), config,
    ]
  }

  /// What words become that the vocabulary does not have.
  var unknown: Int32? {
    switch model {
    case .bytePairEncoding(let model): model.unknown
    case .unigram(let model): model.unknown
    case .wordPiece(let model): model.unknown
    }
  }
}

extension Vocabulary {
  /// An object of ids by token, written as text: keys of a `JSON.Object` that are canonically
  /// equivalent would be one.
  var json: String {
    "{" + (0..<Int32(count)).map { JSON.quoted(self[$0]) + ":\($0)" }.joined(separator: ",") + "}"
  }
}
