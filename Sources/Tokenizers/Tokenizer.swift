public import Bytes

/// CLIP's byte-level byte-pair encoding: text to the ids that the text tower reads.
///
/// Equal to `CLIPTokenizer` of transformers 5 (tokenizers 0.23) for every text. Unlike OpenAI's and
/// open_clip's own code it neither repairs mojibake nor unescapes HTML.
///
///     let tokenizer = try Tokenizer(folder: "clip-vit-base-patch32")
///     tokenizer.encode("a photo of a cat")  // 49406, 320, 1125, 539, 320, 2368, 49407
public struct Tokenizer: Sendable {
  let vocabulary: Vocabulary
  let merges: Merges
  /// What is sought in texts, by id.
  let added: [(token: AddedToken, id: Int32)]
  /// Stands before every text.
  public let start: Int32
  /// Stands after every text.
  public let end: Int32
  /// What bytes become that the vocabulary does not have.
  public let unknown: Int32
  /// Fills the positions after the end token.
  public let padding: Int32

  /// The id of each byte, inside a word and at its end.
  let symbols: (inner: [Int32], last: [Int32])
  let rawSearch: AddedTokenSearch
  let normalizedSearch: AddedTokenSearch

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
    self.vocabulary = vocabulary
    var merges = merges
    merges.seal(vocabulary)
    self.merges = merges
    self.added = added
    self.start = start
    self.end = end
    self.unknown = unknown
    self.padding = padding
    symbols = (
      (0...0xff).map { vocabulary.id(of: ByteAlphabet.utf8(of: $0).span) ?? unknown },
      (0...0xff).map {
        vocabulary.id(of: (ByteAlphabet.utf8(of: $0) + ByteAlphabet.endOfWord).span) ?? unknown
      }
    )
    rawSearch = AddedTokenSearch(
      added.filter { !$0.token.isNormalized }.map {
        ($0.token.content.unicodeScalars.map(\.value), $0.id)
      })
    normalizedSearch = AddedTokenSearch(
      added.filter(\.token.isNormalized).map {
        (Self.normalized($0.token.content.unicodeScalars.map(\.value)), $0.id)
      })
  }

  /// The same tokenizer with another padding; open_clip and OpenAI's own code pad with 0.
  ///
  /// - Throws: `invalidField` for an id that is not in the vocabulary.
  public func padding(with id: Int) throws(FormatError) -> Tokenizer {
    Tokenizer(
      vocabulary, merges, start: start, end: end, unknown: unknown,
      padding: try vocabulary.checked(id, "padding"), added: added)
  }

  /// How many ids there are, added tokens included.
  public var count: Int { vocabulary.count }

  /// The token of an id.
  ///
  /// - Precondition: the id is in the vocabulary.
  public func token(_ id: Int32) -> String { vocabulary[id] }

  /// The id of a token as the vocabulary spells it.
  public func id(of token: String) -> Int32? { vocabulary.id(of: token) }
}

extension Vocabulary {
  /// An id from a file, if the vocabulary has it.
  func checked(_ id: Int, _ field: String) throws(FormatError) -> Int32 {
    guard 0..<count ~= id else {
      throw FormatError(
        .invalidField, "\(field) is the id \(id), the vocabulary has 0 to \(count - 1)")
    }
    return Int32(id)
  }
}
