/// How a normalised text is cut into the words that the model encodes each on its own.
///
/// The names are those of a `tokenizer.json`'s `pre_tokenizer`.
indirect enum PreTokenizer: Equatable, Sendable {
  /// The parts of one are cut by the next.
  case sequence([PreTokenizer])
  /// CLIP's expression, then GPT-2's: `Words`.
  case clip
  /// A space before a text that begins with none; words are taken as bytes by the model.
  case byteLevel(addsPrefixSpace: Bool, usesExpression: Bool)
  case metaspace(Metaspace)
  /// Words are what stands between white space.
  case whiteSpaceSplit
  /// White space parts words, a punctuation mark is a word.
  case bert
  /// Cuts after each scalar, which stays with what precedes it.
  case splitAfter(UInt32)

  /// Takes the whole text for one word.
  static let identity = PreTokenizer.sequence([])

  /// Calls `body` with each word from left to right; no word is empty.
  ///
  /// - Parameter isFirst: whether the text begins here; false after an added token.
  func divide(
    _ text: ArraySlice<UInt32>, isFirst: Bool, body: (ArraySlice<UInt32>, Bool) -> Void
  ) {
    if text.isEmpty { return }
    switch self {
    case .sequence(let steps):
      Self.divide(text, steps[...], isFirst, body)
    case .clip:
      for word in Words(text) { body(word, false) }
    case .byteLevel(let addsPrefixSpace, let usesExpression):
      var text = text
      if addsPrefixSpace, text.first != 0x20 { text = [0x20] + text }
      if usesExpression {
        for word in GPT2Words(text) { body(word, false) }
      } else {
        body(text, isFirst)
      }
    case .metaspace(let metaspace):
      metaspace.divide(text, isFirst: isFirst) { body($0, false) }
    case .whiteSpaceSplit:
      Self.parts(text, body, isFirst) { CharacterClass(of: $0) == .space ? .between : .inside }
    case .bert:
      Self.parts(text, body, isFirst) {
        CharacterClass(of: $0) == .space
          ? .between : BertClass.isPunctuation($0) ? .alone : .inside
      }
    case .splitAfter(let scalar):
      var start = text.startIndex
      for i in text.indices where text[i] == scalar {
        body(text[start...i], isFirst && start == text.startIndex)
        start = i + 1
      }
      if start < text.endIndex { body(text[start...], isFirst && start == text.startIndex) }
    }
  }

  private static func divide(
    _ text: ArraySlice<UInt32>, _ steps: ArraySlice<PreTokenizer>, _ isFirst: Bool,
    _ body: (ArraySlice<UInt32>, Bool) -> Void
  ) {
    guard let step = steps.first else { return body(text, isFirst) }
    if steps.count == 1 { return step.divide(text, isFirst: isFirst, body: body) }
    step.divide(text, isFirst: isFirst) { divide($0, steps.dropFirst(), $1, body) }
  }

  /// What a scalar is to words.
  private enum Role { case inside, alone, between }

  private static func parts(
    _ text: ArraySlice<UInt32>, _ body: (ArraySlice<UInt32>, Bool) -> Void, _ isFirst: Bool,
    _ role: (UInt32) -> Role
  ) {
    var start = text.startIndex
    for i in text.indices {
      let role = role(text[i])
      if role == .inside { continue }
      if start < i { body(text[start..<i], isFirst && start == text.startIndex) }
      if role == .alone { body(text[i...i], isFirst && i == text.startIndex) }
      start = i + 1
    }
    if start < text.endIndex { body(text[start...], isFirst && start == text.startIndex) }
  }

  /// Whether the model takes words as bytes.
  var isByteLevel: Bool {
    switch self {
    case .clip, .byteLevel: true
    case .sequence(let steps): steps.last?.isByteLevel ?? false
    default: false
    }
  }
}
