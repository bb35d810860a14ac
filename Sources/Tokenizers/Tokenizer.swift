internal import Bytes

/// Text to the ids that a text tower reads.
///
/// A normalizer changes the text, a pre-tokenizer cuts it into words, a model makes ids of each,
/// and a template adds the tokens around them. Each part is of one of a few kinds, as in the
/// `tokenizer.json` of the tokenizers library; CLIP's byte-level byte-pair encoding is one
/// combination.
///
/// Equal to the library that defines each for every text but where that is said: CLIP's to
/// `CLIPTokenizer` of transformers 5 (tokenizers 0.23). Unlike OpenAI's and open_clip's own code it
/// neither repairs mojibake nor unescapes HTML.
///
///     let tokenizer = try Tokenizer(folder: "clip-vit-base-patch32")
///     tokenizer.encode("a photo of a cat")  // 49406, 320, 1125, 539, 320, 2368, 49407
public struct Tokenizer: Sendable {
  let normalizer: Normalizer
  let preTokenizer: PreTokenizer
  let model: Model
  let template: Template
  /// What is sought in texts, by id.
  let added: [(token: AddedToken, id: Int32)]
  let paddingRule: Padding
  /// How many ids there are, added tokens included.
  public let count: Int
  /// What of the files was used where they disagreed, a sentence each.
  public internal(set) var notes: [String] = []

  let rawSearch: AddedTokenSearch
  let normalizedSearch: AddedTokenSearch

  /// What fills the positions that a text leaves.
  struct Padding: Equatable, Sendable {
    /// `nil` where the tokenizer has no such token.
    var id: Int32?
    /// Whether the tower always reads as many positions as it has, the padding too.
    var isToLimit = false
    /// Whether the padding stands before the text.
    var isLeft = false
  }

  init(
    _ normalizer: Normalizer, _ preTokenizer: PreTokenizer, _ model: Model, _ template: Template,
    added: [(token: AddedToken, id: Int32)], padding: Padding
  ) {
    self.normalizer = normalizer
    self.preTokenizer = preTokenizer
    self.model = model
    self.template = template
    self.added = added
    paddingRule = padding
    count = max(model.vocabulary.count, (added.map { Int($0.id) }.max() ?? -1) + 1)
    rawSearch = AddedTokenSearch(
      added.filter { !$0.token.isNormalized }.map {
        ($0.token.content.unicodeScalars.map(\.value), $0.token, $0.id)
      })
    normalizedSearch = AddedTokenSearch(
      added.filter(\.token.isNormalized).map {
        let scalars = $0.token.content.unicodeScalars.map(\.value)
        return (normalizer.normalized(scalars, isFirst: false), $0.token, $0.id)
      })
  }

  var vocabulary: Vocabulary { model.vocabulary }

  /// Stands before every text, where one token does.
  public var start: Int32? { template.before.first }

  /// Stands after every text, where one token does.
  public var end: Int32? { template.after.last }

  /// Fills the positions that a text leaves.
  public var padding: Int32? { paddingRule.id }

  /// Whether every text is padded to the number of positions: SigLIP's towers read the padding.
  public var padsToLimit: Bool { paddingRule.isToLimit }

  /// How many positions the tokens take that stand around every text.
  public var frameCount: Int { template.count }

  /// The token of an id.
  ///
  /// - Precondition: the id is below `count`.
  public func token(_ id: Int32) -> String {
    if let own = added.first(where: { $0.id == id }) { return own.token.content }
    return Int(id) < vocabulary.count ? vocabulary[id] : ""
  }

  /// The id of a token as the vocabulary spells it.
  public func id(of token: String) -> Int32? {
    if let id = vocabulary.idOfAny(token) { return id }
    return added.first { $0.token.content.utf8.elementsEqual(token.utf8) }?.id
  }

  /// What the tokenizer consists of, in a few words: `BPE, 49,408 tokens`.
  public var description: String { "\(model.type), \(count) tokens" }
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

  /// The ids of the tokens `<0x00>` to `<0xFF>`, be they sought in texts or not.
  var bytes: [Int32?] {
    var ids = (0...0xff).map { (byte: Int) in id(of: ByteAlphabet.fallback(of: byte)) }
    guard let order else { return ids }
    for id in order.ids[order.searchable...] {
      if let byte = ByteAlphabet.fallbackByte(of: self[id]), ids[Int(byte)] == nil {
        ids[Int(byte)] = id
      }
    }
    return ids
  }

  /// The id of a token, be it sought in texts or not.
  func idOfAny(_ token: String) -> Int32? {
    if let id = id(of: token) { return id }
    guard let order else { return nil }
    return order.ids[order.searchable...].first { bytes(of: $0).elementsEqual(token.utf8) }
  }
}
