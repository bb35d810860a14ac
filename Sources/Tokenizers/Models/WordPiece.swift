/// Greedy longest match: a word is the longest token that it begins with, then the longest that
/// continues it, and so on.
struct WordPiece: Sendable {
  /// Sorted.
  let vocabulary: Vocabulary
  /// What a word becomes that cannot be cut so, or is too long.
  let unknown: Int32
  /// What stands before tokens that continue a word: `##`.
  var continuation = "##"
  /// How many scalars a word may have.
  var maximumLength = 100

  /// Appends the ids of a word.
  func encode(_ word: ArraySlice<UInt32>, through bytes: inout [UInt8], into ids: inout [Int32]) {
    let count = ids.count
    guard word.count <= maximumLength, var first = vocabulary.prefixes else {
      return ids.append(unknown)
    }
    var continued = first
    let canContinue = continuation.utf8.allSatisfy { continued.advance($0, vocabulary) }
    bytes.removeAll(keepingCapacity: true)
    for scalar in word { UTF8.append(scalar, to: &bytes) }
    var position = 0
    while position < bytes.count {
      guard position == 0 || canContinue else { break }
      if position > 0 { first = continued }
      var found: (end: Int, id: Int32)?
      var end = position
      while end < bytes.count, first.advance(bytes[end], vocabulary) {
        end += 1
        if let id = first.id(vocabulary) { found = (end, id) }
      }
      guard let found else { break }
      ids.append(found.id)
      position = found.end
    }
    if position < bytes.count {
      ids.removeSubrange(count...)
      ids.append(unknown)
    }
  }
}
