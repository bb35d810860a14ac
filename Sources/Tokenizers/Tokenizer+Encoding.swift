extension Tokenizer {
  /// The ids of a text with the tokens around it, however many they are, and without padding.
  public func encode(_ text: String) -> [Int32] { template.framed(words(of: text), limit: nil).ids }

  /// The ids of a text that fit a number of positions.
  public struct Limited: Equatable, Sendable {
    /// Begins and ends with the tokens that stand around every text; where `padsToLimit`, filled
    /// up.
    public var ids: [Int32]
    /// Whether words were left out.
    public var isTruncated: Bool
  }

  /// The ids of a text, of which those before the end token are cut off that find no place.
  ///
  /// - Parameter limit: how many positions there are; 77 in CLIP's published models.
  /// - Precondition: `limit` is at least `frameCount`.
  public func encode(_ text: String, limit: Int) -> Limited {
    precondition(
      limit >= frameCount, "\(limit) positions have no room for the start and the end token")
    let (ids, isTruncated) = template.framed(words(of: text), limit: limit)
    return Limited(ids: padsToLimit ? padded(ids, to: limit) : ids, isTruncated: isTruncated)
  }

  /// The ids with the padding token, where there is one, up to a number of positions.
  ///
  /// - Precondition: there are not more ids than positions.
  public func padded(_ ids: [Int32], to count: Int) -> [Int32] {
    precondition(ids.count <= count, "\(ids.count) ids do not fit \(count) positions")
    guard let padding else { return ids }
    let fill = [Int32](repeating: padding, count: count - ids.count)
    return paddingRule.isLeft ? fill + ids : ids + fill
  }

  /// The ids of a text without the tokens around it.
  private func words(of text: String) -> [Int32] {
    var ids: [Int32] = []
    var encoder = WordEncoder(model)
    var isFirst = true
    rawSearch.divide(text.unicodeScalars.map(\.value)) { part in
      switch part {
      case .token(let id): ids.append(id)
      case .text(let text):
        let normalized = normalizer.normalized(text, isFirst: isFirst)
        var isStart = isFirst
        normalizedSearch.divide(normalized) { part in
          switch part {
          case .token(let id): ids.append(id)
          case .text(let text):
            preTokenizer.divide(text, isFirst: isStart) { word, _ in
              encoder.encode(word, into: &ids)
            }
          }
          isStart = false
        }
      }
      isFirst = false
    }
    return ids
  }
}
