public import Bytes

/// CLIP's tokenizer: byte-level byte-pair encoding with `</w>` at words' ends.
extension Tokenizer {
  /// The names of the tokens that mean something.
  public struct SpecialTokens: Equatable, Sendable {
    public var start = "<|startoftext|>"
    public var end = "<|endoftext|>"
    public var unknown = "<|endoftext|>"
    public var padding = "<|endoftext|>"
    public init() {}
  }

  /// A tokenizer from its parts.
  ///
  /// - Parameters:
  ///   - vocabulary: every token's id; the ids are 0 to n − 1.
  ///   - merges: the pairs that become one token, the most preferred first.
  ///   - added: tokens that are found in texts as they stand. The special tokens are so without
  ///     being named here; to name one is to say whether it is normalised.
  /// - Throws: `FormatError` for ids with gaps or used twice, and for a special token, an added
  ///   one, a merge's part or its result that is not in the vocabulary.
  public init(
    vocabulary: [String: Int], merges: [(String, String)],
    special: SpecialTokens = SpecialTokens(), added: [AddedToken] = []
  ) throws(FormatError) {
    let vocabulary = try Vocabulary(ids: vocabulary)
    var table = Merges()
    for (left, right) in merges {
      try table.append(left.utf8Span.span, right.utf8Span.span, vocabulary)
    }
    try self.init(vocabulary, table, special, added)
  }

  init(
    _ vocabulary: Vocabulary, _ merges: Merges, _ special: SpecialTokens, _ added: [AddedToken]
  ) throws(FormatError) {
    func id(_ role: String, _ token: String) throws(FormatError) -> Int32 {
      if let id = vocabulary.id(of: token) { return id }
      throw FormatError(
        .inconsistent,
        "\(role) token \(Vocabulary.quoted(token)) is not in the vocabulary of "
          + "\(vocabulary.count) tokens")
    }
    // transformers seeks every special token in texts, the padding token among them.
    var all = added
    for name in [special.start, special.end, special.unknown, special.padding]
    where !all.contains(where: { $0.content == name }) {
      all.append(AddedToken(name))
    }
    var tokens: [(token: AddedToken, id: Int32)] = []
    for token in all { tokens.append((token, try id("added", token.content))) }
    self.init(
      vocabulary, merges, start: try id("start", special.start), end: try id("end", special.end),
      unknown: try id("unknown", special.unknown), padding: try id("padding", special.padding),
      added: tokens)
  }

  /// - Precondition: the ids are in the vocabulary.
  init(
    _ vocabulary: Vocabulary, _ merges: Merges, start: Int32, end: Int32, unknown: Int32,
    padding: Int32, added: [(token: AddedToken, id: Int32)]
  ) {
    var merges = merges
    merges.seal(vocabulary)
    self.init(
      .clip, .clip,
      .bytePairEncoding(
        .byteLevel(vocabulary, merges, unknown: unknown, endOfWord: true)),
      Template(before: [start], after: [end]), added: added, padding: Padding(id: padding))
  }

  /// The parts of CLIP's tokenizer; `nil` where this is another kind.
  var clip: (merges: Merges, start: Int32, end: Int32, unknown: Int32, padding: Int32)? {
    guard case .bytePairEncoding(let model) = model,
      case .bytes(_, _, endOfWord: true) = model.symbols, normalizer == .clip,
      preTokenizer == .clip,
      let start, let end, let unknown = model.unknown, let padding
    else { return nil }
    return (model.merges, start, end, unknown, padding)
  }

  /// The same tokenizer with another padding; open_clip and OpenAI's own code pad with 0.
  ///
  /// - Throws: `invalidField` for an id that is not in the vocabulary.
  public func padding(with id: Int) throws(FormatError) -> Tokenizer {
    var padding = paddingRule
    padding.id = try vocabulary.checked(id, "padding")
    return Tokenizer(normalizer, preTokenizer, model, template, added: added, padding: padding)
  }
}
