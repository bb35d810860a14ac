/// SentencePiece's way with spaces: each becomes `▁`, and words begin with one.
struct Metaspace: Equatable, Sendable {
  /// `▁`
  static let mark: UInt32 = 0x2581

  /// Before which texts a mark is put that begin with none.
  var prepends = Prepending.always
  /// Whether words are cut before each mark.
  var splits = true

  /// The values of `prepend_scheme`.
  enum Prepending: String, Sendable {
    case always
    /// Only where the text begins, and not after an added token.
    case first
    case never
  }

  func divide(
    _ text: ArraySlice<UInt32>, isFirst: Bool, body: (ArraySlice<UInt32>) -> Void
  ) {
    var marked: [UInt32] = []
    marked.reserveCapacity(text.count + 1)
    if text.first != 0x20, text.first != Self.mark,
      prepends == .always || prepends == .first && isFirst
    {
      marked.append(Self.mark)
    }
    for scalar in text { marked.append(scalar == 0x20 ? Self.mark : scalar) }
    guard splits else { return body(marked[...]) }
    var start = 0
    for i in marked.indices.dropFirst() where marked[i] == Self.mark {
      body(marked[start..<i])
      start = i
    }
    body(marked[start...])
  }
}
