internal import Bytes

/// Which pairs of symbols become one, and in which order of preference.
struct Merges: Sendable {
  /// How many merges a tokenizer may have: 20 times CLIP's.
  static let maximumCount = 1 << 20

  /// The pairs by rank, as ids; empty where they were read in another order.
  private var listed: [(left: Int32, right: Int32)] = []
  /// What the pair of each rank becomes.
  private(set) var results: [Int32] = []
  /// Right id << 20 | rank, ascending among the pairs of one left id.
  private var sorted: [UInt64] = []
  /// Where in `sorted` the pairs of each left id begin; one entry more than there are ids.
  private var starts: [Int32] = []
  /// The bytes of a result, while it is sought.
  private var whole: [UInt8] = []

  init() {}

  /// One merge of a pack's table.
  struct Entry {
    var left: Int32
    var right: Int32
    var rank: Int32
    var result: Int32
  }

  /// Merges in ascending order of left and right id, as a pack holds them.
  ///
  /// - Parameters:
  ///   - left: with `right` and `ranks`, of the same number, the merges.
  ///   - results: what becomes of the pair of each rank.
  ///   - count: how many ids there are.
  /// - Throws: `invalidField` for an id or a rank that there is not, `inconsistent` for merges that
  ///   are out of order or of the same rank.
  init(
    left: ArraySlice<Int32>, right: ArraySlice<Int32>, ranks: ArraySlice<Int32>,
    results: [Int32], count: Int
  ) throws(FormatError) {
    guard results.count <= Self.maximumCount else {
      throw FormatError(
        .invalidField,
        "there are \(results.count) merges, at most \(Self.maximumCount) are allowed")
    }
    let ids = 0..<Int32(count)
    guard results.allSatisfy({ ids ~= $0 }) else {
      throw FormatError(
        .invalidField, "a merge results in an id that is not below \(count)")
    }
    self.results = results
    starts = [Int32](repeating: 0, count: count + 1)
    sorted.reserveCapacity(results.count)
    var isTaken = [Bool](repeating: false, count: results.count)
    var last: UInt64 = 0
    for index in results.indices {
      let (first, second) = (left[left.startIndex + index], right[right.startIndex + index])
      let rank = Int(ranks[ranks.startIndex + index])
      guard ids ~= first, ids ~= second, results.indices ~= rank else {
        throw FormatError(
          .invalidField,
          "entry \(index) of the merges has the ids \(first) and \(second) and the rank \(rank), "
            + "ids are below \(count) and ranks below \(results.count)")
      }
      let key = UInt64(first) << 32 | UInt64(second)
      guard index == 0 || key > last, !isTaken[rank] else {
        throw FormatError(
          .inconsistent,
          "entry \(index) of the merges does not follow the one before it, or has its rank twice")
      }
      last = key
      isTaken[rank] = true
      starts[Int(first) + 1] += 1
      sorted.append(UInt64(second) << 20 | UInt64(rank))
    }
    for id in 0..<count { starts[id + 1] += starts[id] }
  }

  /// The same from entries in any order.
  init(_ entries: [Entry], count: Int) throws(FormatError) {
    let rows = entries.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
    try self.init(
      left: rows.map(\.left)[...], right: rows.map(\.right)[...], ranks: rows.map(\.rank)[...],
      results: entries.sorted { $0.rank < $1.rank }.map(\.result), count: count)
  }

  /// The pairs by rank, as ids.
  var pairs: [(left: Int32, right: Int32)] {
    guard listed.isEmpty, !results.isEmpty else { return listed }
    var pairs = [(left: Int32, right: Int32)](repeating: (0, 0), count: results.count)
    for id in 0..<(starts.count - 1) {
      for entry in sorted[Int(starts[id])..<Int(starts[id + 1])] {
        pairs[Int(entry & (1 << 20 - 1))] = (Int32(id), Int32(entry >> 20))
      }
    }
    return pairs
  }

  /// The merges as a pack holds them: each pair once, with its own rank.
  var entries: [Entry] {
    var ranks: [UInt64: Int] = [:]
    for (rank, pair) in pairs.enumerated() {
      ranks[UInt64(pair.left) << 32 | UInt64(pair.right)] = rank
    }
    // A pair that stands twice has the later rank; ranks close up.
    let kept = ranks.sorted { $0.value < $1.value }
    let entries = kept.enumerated().map { (rank, pair) in
      Entry(
        left: Int32(pair.key >> 32), right: Int32(truncatingIfNeeded: pair.key), rank: Int32(rank),
        result: results[pair.value])
    }
    return entries.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
  }

  /// Adds the merge of the next rank.
  ///
  /// - Parameter offset: where the merge stands in its file.
  /// - Throws: `inconsistent` if a part or the result is no token; as transformers refuses it.
  mutating func append(
    _ left: Span<UInt8>, _ right: Span<UInt8>, _ vocabulary: Vocabulary, at offset: Int? = nil
  ) throws(FormatError) {
    let rank = results.count
    guard rank < Self.maximumCount else {
      throw FormatError(
        .invalidField, "there are more than \(Self.maximumCount) merges, which is the most allowed",
        at: offset)
    }
    func missing(_ role: String, _ token: Span<UInt8>) -> FormatError {
      let text = String(decoding: token.indices.map { token[$0] }, as: UTF8.self)
      return FormatError(
        .inconsistent,
        "merge \(rank): \(role) \(Vocabulary.quoted(text)) is not in the vocabulary of "
          + "\(vocabulary.count) tokens", at: offset)
    }
    guard let first = vocabulary.id(of: left) else { throw missing("left part", left) }
    guard let second = vocabulary.id(of: right) else { throw missing("right part", right) }
    whole.removeAll(keepingCapacity: true)
    for i in left.indices { whole.append(left[i]) }
    for i in right.indices { whole.append(right[i]) }
    guard let result = vocabulary.id(of: whole.span) else { throw missing("result", whole.span) }
    results.append(result)
    listed.append((first, second))
  }

  /// Builds the index, after the last merge.
  mutating func seal(_ vocabulary: Vocabulary) {
    // Counting sort by left id; what is left to sort are short runs.
    starts = [Int32](repeating: 0, count: vocabulary.count + 1)
    for pair in listed { starts[Int(pair.left) + 1] += 1 }
    for id in 0..<vocabulary.count { starts[id + 1] += starts[id] }
    var next = starts
    sorted = [UInt64](repeating: 0, count: listed.count)
    for (rank, pair) in listed.enumerated() {
      sorted[Int(next[Int(pair.left)])] = UInt64(pair.right) << 20 | UInt64(rank)
      next[Int(pair.left)] += 1
    }
    for id in 0..<vocabulary.count where starts[id + 1] - starts[id] > 1 {
      sorted[Int(starts[id])..<Int(starts[id + 1])].sort()
    }
  }

  /// The rank of a pair; of a pair that stands there twice, the later one, as in transformers.
  func rank(_ left: Int32, _ right: Int32) -> Int? {
    let first = Int(starts[Int(left)])
    var lower = first
    var upper = Int(starts[Int(left) + 1])
    let bound = UInt64(right) + 1
    while lower < upper {
      let middle = (lower + upper) / 2
      if sorted[middle] >> 20 < bound { lower = middle + 1 } else { upper = middle }
    }
    guard lower > first, sorted[lower - 1] >> 20 == UInt64(right) else { return nil }
    return Int(sorted[lower - 1] & (1 << 20 - 1))
  }
}
