internal import Bytes
internal import Tokenizers

extension FuzzedReader {
  /// Every class numbers pieces in its own way; the first that takes the model counts.
  static func readSentencePiece(_ bytes: [UInt8]) throws {
    var failure: (any Error)?
    for name in ["SiglipTokenizer", "XLMRobertaTokenizer", "T5Tokenizer", "GemmaTokenizer"] {
      do {
        return try use(Tokenizer(sentencePiece: bytes, tokenizerClass: name))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  static func readTokenizerSections(_ bytes: [UInt8]) throws {
    guard bytes.count >= 4 else {
      throw FormatError(.truncated, "\(bytes.count) bytes have no size")
    }
    let size = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    let end = min(4 + size, bytes.count)
    let json = try JSON(parsing: Array(bytes[4..<end]).span)
    let tokenizer = try Tokenizer(decoding: json, tables: Array(bytes[end...]))
    let again = try Tokenizer(decoding: tokenizer.json, tables: tokenizer.tables)
    precondition(again.json == tokenizer.json, "a tokenizer reads what it writes")
    try use(tokenizer)
  }

  /// Runs texts of all sorts through a tokenizer.
  static func use(_ tokenizer: Tokenizer) throws {
    for text in ["", "a photo of a Café, \u{2581}日本\u{301} <s></s> ΣΑΣ\u{a0}\n", " \u{0}<unk>  x "]
    {
      let limited = tokenizer.encode(text, limit: 77)
      precondition(limited.ids.count <= 77, "\(limited.ids.count) ids take 77 positions")
      precondition(limited.ids.allSatisfy { 0..<Int32(tokenizer.count) ~= $0 }, "ids are tokens")
      _ = tokenizer.decode(limited.ids)
    }
    _ = tokenizer.tokenizerJSON(limit: 77)
  }
}
