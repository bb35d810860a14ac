import Bytes
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// A kind of tokenizer with a small table, in `Tests/Fixtures/tokenizers`.
///
/// `Scripts/make_tokenizer_kinds.py` makes them.
enum TokenizerKind: String, CaseIterable {
  case siglip, xlmr, t5, siglip2, nllb, bert, roberta
  case xlmrModel = "xlmr-model"
  case gemmaModel = "gemma-model"
  case bertCased = "bert-cased"

  var folder: FilePath { Fixture.path("tokenizers").appending(rawValue) }

  func tokenizer() throws -> Tokenizer { try Tokenizer(folder: folder) }

  /// The ids that the reference gives each text; `nil` where it is no reference for one.
  func ids() throws -> [[Int32]?] {
    try Self.lines(folder.appending("ids.jsonl")).map { json in
      try json.array.map { try $0.map { Int32(try #require($0.int)) } }
    }
  }

  static func texts() throws -> [String] {
    try lines(Fixture.path("tokenizers/texts.jsonl")).map { try #require($0.string) }
  }

  private static func lines(_ path: FilePath) throws -> [JSON] {
    try bytes(of: path).split(separator: UInt8(ascii: "\n")).map {
      try JSON(parsing: Array($0).span)
    }
  }

  /// The tokenizer after a pack has held it.
  func packed() throws -> Tokenizer {
    let tokenizer = try tokenizer()
    return try Tokenizer(
      decoding: JSON(parsing: tokenizer.json.description), tables: tokenizer.tables)
  }
}
