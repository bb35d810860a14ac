/// A token that is found in a text as it stands, before the text is cut into words.
///
/// Every special token is one: transformers gives `a <|endoftext|>` the end token's id.
public struct AddedToken: Equatable, Sendable {
  public var content: String
  /// Whether it is sought in the normalised text, so that `<|StartOfText|>` counts, or in the text
  /// as it was given.
  public var isNormalized: Bool

  public init(_ content: String, isNormalized: Bool = false) {
    self.content = content
    self.isNormalized = isNormalized
  }
}

/// Finds added tokens in a text: at each place the longest one, from left to right.
struct AddedTokenSearch: Sendable {
  /// By first scalar, the longest first; of equal ones the first wins.
  private var patterns: [UInt32: [(scalars: [UInt32], id: Int32)]] = [:]

  /// The last six bits of the first scalars: most places of a text need no look at `patterns`.
  private var firsts: UInt64 = 0

  /// What a text consists of.
  enum Part: Equatable {
    case text(ArraySlice<UInt32>)
    case token(Int32)
  }

  init(_ tokens: [(scalars: [UInt32], id: Int32)]) {
    // Longest first; of one length in the order given, which a stable order by place keeps.
    let ordered = tokens.enumerated().sorted {
      ($1.element.scalars.count, $0.offset) < ($0.element.scalars.count, $1.offset)
    }
    for (_, token) in ordered {
      guard let first = token.scalars.first else { continue }
      firsts |= 1 << UInt64(first & 63)
      patterns[first, default: []].append(token)
    }
  }

  /// Calls `body` with the parts of a text from left to right; no part is empty.
  func divide(_ text: [UInt32], body: (Part) -> Void) {
    var start = 0
    var position = 0
    while position < text.count {
      guard firsts >> UInt64(text[position] & 63) & 1 == 1,
        let candidates = patterns[text[position]],
        let found = candidates.first(where: { text[position...].starts(with: $0.scalars) })
      else {
        position += 1
        continue
      }
      if start < position { body(.text(text[start..<position])) }
      body(.token(found.id))
      position += found.scalars.count
      start = position
    }
    if start < text.count { body(.text(text[start...])) }
  }
}
