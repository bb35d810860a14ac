extension Tokenizer {
  /// The ids of a text between the start and the end token, however many they are.
  public func encode(_ text: String) -> [Int32] {
    var ids = [start]
    var merger = WordMerger(merges)
    var bytes: [UInt8] = []
    var word: [Int32] = []
    rawSearch.divide(text.unicodeScalars.map(\.value)) { part in
      switch part {
      case .token(let id): ids.append(id)
      case .text(let text):
        normalizedSearch.divide(Self.normalized(Array(text))) { part in
          switch part {
          case .token(let id): ids.append(id)
          case .text(let text):
            for scalars in Words(text) {
              symbolize(scalars, through: &bytes, into: &word)
              merger.encode(word, into: &ids)
            }
          }
        }
      }
    }
    ids.append(end)
    return ids
  }

  /// The ids of a text that fit a number of positions.
  public struct Limited: Equatable, Sendable {
    /// Begins with the start token and ends with the end token.
    public var ids: [Int32]
    /// Whether words were left out.
    public var isTruncated: Bool
  }

  /// The ids of a text, of which those before the end token are cut off that find no place.
  ///
  /// - Parameter limit: how many positions there are; 77 in the published models.
  /// - Precondition: `limit` has room for the start and the end token.
  public func encode(_ text: String, limit: Int) -> Limited {
    precondition(limit >= 2, "\(limit) positions have no room for the start and the end token")
    let ids = encode(text)
    guard ids.count > limit else { return Limited(ids: ids, isTruncated: false) }
    return Limited(ids: Array(ids.prefix(limit - 1)) + [end], isTruncated: true)
  }

  /// The ids followed by the padding token up to a number of positions.
  ///
  /// - Precondition: there are not more ids than positions.
  public func padded(_ ids: [Int32], to count: Int) -> [Int32] {
    precondition(ids.count <= count, "\(ids.count) ids do not fit \(count) positions")
    return ids + [Int32](repeating: padding, count: count - ids.count)
  }

  /// Composed, white space collapsed, in lower case.
  static func normalized(_ scalars: [UInt32]) -> [UInt32] {
    var scalars = scalars
    CanonicalComposition.apply(to: &scalars)
    var count = 0
    var isAfterSpace = false
    for i in scalars.indices {
      let scalar = scalars[i]
      let isSpace = CharacterClass(of: scalar) == .space
      if !(isSpace && isAfterSpace) {
        scalars[count] = isSpace ? 0x20 : scalar
        count += 1
      }
      isAfterSpace = isSpace
    }
    scalars.removeSubrange(count...)
    LowerCase.apply(to: &scalars)
    return scalars
  }

  /// The ids of a word's bytes, before any merge.
  private func symbolize(
    _ scalars: ArraySlice<UInt32>, through bytes: inout [UInt8], into word: inout [Int32]
  ) {
    bytes.removeAll(keepingCapacity: true)
    for scalar in scalars { UTF8.append(scalar, to: &bytes) }
    word.removeAll(keepingCapacity: true)
    for byte in bytes { word.append(symbols.inner[Int(byte)]) }
    if let last = bytes.last { word[word.count - 1] = symbols.last[Int(last)] }
  }
}
