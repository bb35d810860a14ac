/// Texts in the order in which those that begin alike stand together, cut into batches.
struct TextBatches {
  /// The different ones, sorted by their ids.
  let texts: [[Int]]
  /// Where each of the texts that were given stands among these.
  let places: [Int]
  private(set) var batches: [Range<Int>] = []

  /// - Parameters:
  ///   - rows: that a batch has at most, where more than one text is in it.
  ///   - sharesBeginnings: whether rows that a text has in common with the one before it are
  ///     computed once.
  init(_ given: [[Int]], rows most: Int, sharesBeginnings: Bool) {
    let order = given.indices.sorted { given[$0].lexicographicallyPrecedes(given[$1]) }
    var texts: [[Int]] = []
    var places = given.map { _ in 0 }
    for index in order {
      if texts.last != given[index] { texts.append(given[index]) }
      places[index] = texts.count - 1
    }
    self.texts = texts
    self.places = places
    var (start, rows) = (0, 0)
    for (index, ids) in texts.enumerated() {
      let isFirst = index == start
      let common =
        sharesBeginnings && !isFirst ? SharedRows.commonBeginning(texts[index - 1], ids) : 0
      if !isFirst, rows + ids.count - common > most {
        batches.append(start..<index)
        (start, rows) = (index, ids.count)
      } else {
        rows += ids.count - common
      }
    }
    if start < texts.count { batches.append(start..<texts.count) }
  }
}
