internal import Bytes

extension Vocabulary {
  /// Reads the tables `ids`, `lengths` and `pieces`.
  ///
  /// - Parameter searchable: how many tokens, from the first, are sought in texts.
  /// - Throws: `FormatError` where they do not fit each other or are out of order.
  init(
    _ places: TablePlaces, _ bytes: RawSpan, searchable: Int
  ) throws(FormatError) {
    let ids = try places.values(.ids, Int32.self, in: bytes)
    let lengths = try places.values(.lengths, UInt16.self, in: bytes)
    let pieces = bytes.extracting(try places.range(.pieces)).array
    try Self.checkCount(ids.count)
    guard lengths.count == ids.count, 0...ids.count ~= searchable else {
      throw FormatError(
        .inconsistent,
        "there are \(ids.count) ids and \(lengths.count) lengths of tokens, \(searchable) of them "
          + "sought in texts")
    }
    var starts: [Int32] = [0]
    starts.reserveCapacity(ids.count + 1)
    var end: Int32 = 0
    for (place, length) in lengths.enumerated() {
      try Self.checkLength(Int(length), Int(ids[place]))
      if length == 0, place < searchable {
        throw FormatError(.invalidField, "token \(ids[place]) is empty")
      }
      end += Int32(length)
      starts.append(end)
    }
    guard Int(end) == pieces.count else {
      throw FormatError(
        .inconsistent, "the tokens take \(end) bytes, the table has \(pieces.count)")
    }
    var inverse = [Int32](repeating: -1, count: ids.count)
    for (place, id) in ids.enumerated() {
      guard 0..<Int32(ids.count) ~= id, inverse[Int(id)] < 0 else {
        throw FormatError(
          .inconsistent, "the id \(id) stands twice in the table, or is not below \(ids.count)")
      }
      inverse[Int(id)] = Int32(place)
    }
    try self.init(
      utf8: pieces, starts: starts,
      order: Order(ids: ids, places: inverse, searchable: searchable))
  }

  /// Appends the tables that `init` reads.
  ///
  /// - Precondition: the vocabulary is sorted.
  func append(to tables: inout Tables) {
    guard let order else { preconditionFailure("the vocabulary is sorted before it is written") }
    tables.append(.ids, integers: order.ids)
    tables.append(.lengths, integers: order.ids.indices.map { UInt16(range($0).count) })
    tables.append(.pieces, utf8)
  }
}
