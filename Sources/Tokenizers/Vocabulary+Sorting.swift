internal import Bytes

extension Vocabulary {
  /// The same tokens in ascending order of their bytes, so that a text's prefixes can be sought.
  ///
  /// - Parameter isSearchable: whether an id's token is part of texts; others have only their
  ///   names.
  func sorted(_ isSearchable: (Int32) -> Bool = { _ in true }) throws(FormatError) -> Vocabulary {
    let all = (0..<Int32(count)).map { (id: $0, bytes: bytes(of: $0)) }
    let sought = all.filter { isSearchable($0.id) }.sorted {
      $0.bytes.lexicographicallyPrecedes($1.bytes)
    }
    let others = all.filter { !isSearchable($0.id) }
    var utf8: [UInt8] = []
    var starts: [Int32] = [0]
    var order = Order(
      ids: [], places: [Int32](repeating: 0, count: count), searchable: sought.count)
    for (id, bytes) in sought + others {
      order.places[Int(id)] = Int32(order.ids.count)
      order.ids.append(id)
      utf8 += bytes
      starts.append(Int32(utf8.count))
    }
    return try Vocabulary(utf8: utf8, starts: starts, order: order)
  }

  /// Where to begin to seek the tokens that a text begins with; `nil` where places are ids.
  var prefixes: Prefix? { order.map { Prefix(upper: $0.searchable) } }

  /// The tokens that begin with the bytes given so far.
  struct Prefix {
    /// The places that they take.
    private var lower = 0
    private var upper: Int
    /// How many bytes they share.
    private(set) var depth = 0

    fileprivate init(upper: Int) { self.upper = upper }

    /// Takes one more byte.
    ///
    /// - Returns: whether there are tokens left.
    mutating func advance(_ byte: UInt8, _ vocabulary: borrowing Vocabulary) -> Bool {
      if depth == 0, case .sorted(let order) = vocabulary.index {
        lower = Int(order.firsts[Int(byte)])
        upper = Int(order.firsts[Int(byte) + 1])
        depth = 1
        return lower < upper
      }
      // Those that end here stand first; only one can, because no token stands twice.
      let first = ends(vocabulary) ? lower + 1 : lower
      lower = bound(first, upper, vocabulary) { $0 < byte }
      upper = bound(lower, upper, vocabulary) { $0 <= byte }
      depth += 1
      return lower < upper
    }

    /// The token that consists of the bytes given so far and no more.
    func id(_ vocabulary: borrowing Vocabulary) -> Int32? {
      guard ends(vocabulary), case .sorted(let order) = vocabulary.index else { return nil }
      return order.ids[lower]
    }

    private func ends(_ vocabulary: borrowing Vocabulary) -> Bool {
      lower < upper && depth > 0 && vocabulary.range(lower).count == depth
    }

    /// The first place whose next byte does not satisfy a condition that holds of the lower ones.
    private func bound(
      _ first: Int, _ last: Int, _ vocabulary: borrowing Vocabulary, _ holds: (UInt8) -> Bool
    ) -> Int {
      var lower = first
      var upper = last
      while lower < upper {
        let middle = (lower + upper) / 2
        if holds(vocabulary.utf8[Int(vocabulary.starts[middle]) + depth]) {
          lower = middle + 1
        } else {
          upper = middle
        }
      }
      return lower
    }
  }
}
