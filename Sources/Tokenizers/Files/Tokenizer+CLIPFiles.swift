public import Bytes

/// The files that tokenizers are published as.
extension Tokenizer {
  /// Reads `vocab.json`, an object of ids by token, and `merges.txt`, a pair in each line.
  ///
  /// - Throws: `FormatError`; the offsets of merges are those in `merges`.
  public init(
    parsingVocabulary vocabulary: Span<UInt8>, merges: Span<UInt8>,
    special: SpecialTokens = SpecialTokens(), added: [AddedToken] = []
  ) throws(FormatError) {
    let ids = try Self.ids(JSON(parsing: vocabulary), "the vocabulary")
    let table = try Vocabulary(ids: ids)
    try self.init(table, Merges(parsing: merges, table), special, added)
  }

  /// Reads `tokenizer.json` of the tokenizers library.
  ///
  /// Its model and added tokens count. As in transformers, its pipeline does not: CLIP's is taken.
  ///
  /// - Throws: `unsupported` for a model that is no byte-pair encoding with `</w>` at words' ends.
  public init(
    parsingTokenizerJSON bytes: Span<UInt8>, special: SpecialTokens = SpecialTokens()
  ) throws(FormatError) {
    let file = try TokenizerFile(bytes)
    try self.init(clip: file, special, file.added.map(\.token))
  }

  init(
    clip file: TokenizerFile, _ special: SpecialTokens, _ added: [AddedToken]
  ) throws(FormatError) {
    try file.checkCLIP()
    let vocabulary = try Vocabulary(ids: TokenizerFile.joined(file.ids, file.added))
    var merges = Merges()
    for (left, right) in file.merges {
      try merges.append(left.utf8Span.span, right.utf8Span.span, vocabulary)
    }
    try self.init(vocabulary, merges, special, added)
  }

  /// Reads `bpe_simple_vocab_16e6.txt`, from which OpenAI's code and open_clip derive CLIP's
  /// vocabulary: 256 bytes, the same at words' ends, the merges' results, start and end.
  ///
  /// Pads with 0, as they do.
  ///
  /// - Parameter count: how many of the merges count; the file has more.
  public init(
    parsingSimpleVocabulary text: Span<UInt8>, mergeCount: Int = 49_152 - 256 - 2
  ) throws(FormatError) {
    let bytes = ByteAlphabet.numbering.map {
      String(decoding: ByteAlphabet.utf8(of: $0), as: UTF8.self)
    }
    var tokens = bytes + bytes.map { $0 + "</w>" }
    let lines = Merges.lines(of: text).prefix(mergeCount)
    for (rank, range) in lines.enumerated() {
      let line = text.extracting(range)
      let space = try Merges.space(in: line, rank: rank, at: range.lowerBound)
      let whole = line.indices.filter { $0 != space }.map { line[$0] }
      tokens.append(String(decoding: whole, as: UTF8.self))
    }
    let special = SpecialTokens()
    tokens += [special.start, special.end]
    let vocabulary = try Vocabulary(tokens)
    var merges = Merges()
    for range in lines {
      try merges.append(line: text.extracting(range), vocabulary, at: range.lowerBound)
    }
    self = try Tokenizer(vocabulary, merges, special, []).padding(with: 0)
  }

  /// The members of an object whose values are ids.
  static func ids(
    _ json: JSON, _ subject: String
  ) throws(FormatError) -> [(key: String, value: Int)] {
    guard let object = json.object else {
      throw FormatError(.invalidField, "\(subject) is not an object of ids by token")
    }
    var ids: [(key: String, value: Int)] = []
    ids.reserveCapacity(object.count)
    for token in object.keys {
      guard let id = object[token]?.int else {
        throw FormatError(
          .invalidField,
          "token \(Vocabulary.quoted(token)) has the id \(object[token] ?? .null), an integer "
            + "is needed")
      }
      ids.append((token, id))
    }
    return ids
  }
}

extension TokenizerFile {
  /// Whether the model is CLIP's kind of byte-pair encoding.
  var isCLIP: Bool { model["end_of_word_suffix"]?.string == "</w>" }

  func checkCLIP() throws(FormatError) {
    if let type = model["type"], type.string != "BPE" {
      throw FormatError(.unsupported, "the model's type is \(type), CLIP's is \"BPE\"")
    }
    guard isCLIP else {
      let found = model["end_of_word_suffix"].map { "\($0)" } ?? "missing"
      throw FormatError(
        .unsupported, "the model's end_of_word_suffix is \(found), CLIP's is \"</w>\"")
    }
    guard hasVocabulary else {
      throw FormatError(.invalidField, "\"model.vocab\" is not an object of ids by token")
    }
    guard hasMerges else { throw Tokenizer.missing("model.merges", "an array") }
  }
}
