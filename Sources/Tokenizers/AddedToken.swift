/// A token that is found in a text as it stands, before the text is cut into words.
///
/// Every special token is one: transformers gives `a <|endoftext|>` the end token's id.
public struct AddedToken: Equatable, Sendable {
  public var content: String
  /// Whether it is sought in the normalised text, so that `<|StartOfText|>` counts, or in the text
  /// as it was given.
  public var isNormalized: Bool
  /// Whether white space before it belongs to it.
  public var stripsLeft = false
  /// Whether white space after it belongs to it.
  public var stripsRight = false
  /// Whether it is no text: `decode` leaves it out.
  public var isSpecial = true

  public init(_ content: String, isNormalized: Bool = false) {
    self.content = content
    self.isNormalized = isNormalized
  }
}

/// Finds added tokens in a text: at each place the longest one, from left to right.
struct AddedTokenSearch: Sendable {
  /// How many scalars a token may have, so that seeking takes a bounded time at each place.
  static let maximumLength = 1024

  /// A trie: which node follows a node by a scalar, `node << 32 | scalar`.
  private var edges: [UInt64: Int32] = [:]
  /// By node, which of `tokens` ends there; -1 for none.
  private var ends: [Int32] = [-1]
  private var tokens: [(token: AddedToken, id: Int32)] = []

  /// The last six bits of the first scalars: most places of a text need no look at `edges`.
  private var firsts: UInt64 = 0

  /// What a text consists of.
  enum Part: Equatable {
    case text(ArraySlice<UInt32>)
    case token(Int32)
  }

  /// - Parameter tokens: what each is sought as; of equal ones the first counts.
  init(_ tokens: [(scalars: [UInt32], token: AddedToken, id: Int32)]) {
    for (scalars, token, id) in tokens where !scalars.isEmpty {
      firsts |= 1 << UInt64(scalars[0] & 63)
      var node: Int32 = 0
      for scalar in scalars {
        let edge = UInt64(node) << 32 | UInt64(scalar)
        if let next = edges[edge] {
          node = next
        } else {
          edges[edge] = Int32(ends.count)
          node = Int32(ends.count)
          ends.append(-1)
        }
      }
      if ends[Int(node)] < 0 {
        ends[Int(node)] = Int32(self.tokens.count)
        self.tokens.append((token, id))
      }
    }
  }

  /// Calls `body` with the parts of a text from left to right; no part is empty.
  func divide(_ text: [UInt32], body: (Part) -> Void) {
    var start = 0
    var position = 0
    while position < text.count {
      guard firsts >> UInt64(text[position] & 63) & 1 == 1,
        let (length, found) = longest(text, position)
      else {
        position += 1
        continue
      }
      var end = position + length
      if found.token.stripsLeft {
        while position > start, CharacterClass(of: text[position - 1]) == .space { position -= 1 }
      }
      if found.token.stripsRight {
        while end < text.count, CharacterClass(of: text[end]) == .space { end += 1 }
      }
      if start < position { body(.text(text[start..<position])) }
      body(.token(found.id))
      position = end
      start = end
    }
    if start < text.count { body(.text(text[start...])) }
  }

  private func longest(
    _ text: [UInt32], _ start: Int
  ) -> (length: Int, found: (token: AddedToken, id: Int32))? {
    var node: Int32 = 0
    var result: (Int, (AddedToken, Int32))?
    for position in start..<text.count {
      guard let next = edges[UInt64(node) << 32 | UInt64(text[position])] else { break }
      node = next
      if ends[Int(node)] >= 0 { result = (position - start + 1, tokens[Int(ends[Int(node)])]) }
    }
    return result
  }
}
