internal import Bytes

extension Tokenizer {
  /// BERT's tokenizer: `vocab.txt`, a token in each line.
  ///
  /// - Throws: `inconsistent` where the vocabulary lacks a special token.
  init(bertVocabulary text: Span<UInt8>, _ context: FolderContext) throws(FormatError) {
    var tokens: [String] = []
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
      let last = end > start && text[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
      guard let token = String(validating: text.extracting(start..<last).array, as: UTF8.self)
      else {
        throw FormatError(.invalidField, "token \(tokens.count) is not UTF-8", at: start)
      }
      tokens.append(token)
      try Vocabulary.checkCount(tokens.count)
      start = end + 1
    }
    let vocabulary = try Vocabulary(tokens).sorted()
    func id(_ role: Settings.Role, _ name: String) throws(FormatError) -> Int32 {
      let name = context.settings.special[role] ?? name
      if let id = vocabulary.id(of: name) { return id }
      throw FormatError(
        .inconsistent,
        "\(role.rawValue) \(Vocabulary.quoted(name)) is not in the vocabulary of "
          + "\(vocabulary.count) tokens")
    }
    let unknown = try id(.unknown, "[UNK]")
    let first = try id(.classification, "[CLS]")
    let last = try id(.separator, "[SEP]")
    let padding = try id(.padding, "[PAD]")
    var added = context.listed
    for id in [padding, unknown, first, last, vocabulary.id(of: "[MASK]")].compactMap({ $0 })
    where !added.contains(where: { $0.id == id }) {
      added.append((AddedToken(vocabulary[id]), id))
    }
    self.init(
      .bert(context.bert(BertNormalizer())), .bert,
      .wordPiece(WordPiece(vocabulary: vocabulary, unknown: unknown)),
      Template(before: [first], after: [last]), added: added,
      padding: Padding(
        id: padding, isToLimit: context.padsToLimit, isLeft: context.padsLeft))
  }
}
