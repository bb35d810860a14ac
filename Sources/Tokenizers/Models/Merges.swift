internal import Bytes

/// Which pairs of symbols become one, and in which order of preference.
struct Merges: Sendable {
  /// How many merges a tokenizer may have: 20 times CLIP's.
  static let maximumCount = 1 << 20

  /// The pairs by rank, as ids.
  private(set) var pairs: [(left: Int32, right: Int32)] = []
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
  /// - Parameter count: how many ids there are.
  /// - Throws: `invalidField` for an id or a rank that there is not, `inconsistent` for merges that
  ///   are out of order or of the same rank.
  init(sorted entries: [Entry], count: Int) throws(FormatError) {
    guard entries.count <= Self.maximumCount else {
      throw FormatError(
        .invalidField,
        "there are \(entries.count) merges, at most \(Self.maximumCount) are allowed")
    }
    let ids = 0..<Int32(count)
    pairs = [(Int32, Int32)](repeating: (-1, -1), count: entries.count)
    results = [Int32](repeating: -1, count: entries.count)
    starts = [Int32](repeating: 0, count: count + 1)
    sorted.reserveCapacity(entries.count)
    var last: UInt64 = 0
    for (index, entry) in entries.enumerated() {
      guard ids.contains(entry.left), ids.contains(entry.right), ids.contains(entry.result),
        results.indices.contains(Int(entry.rank))
      else {
        throw FormatError(
          .invalidField,
          "entry \(index) of the merges has the ids \(entry.left), \(entry.right) and "
            + "\(entry.result) and the rank \(entry.rank), ids are below \(count) and ranks below "
            + "\(entries.count)")
      }
      let key = UInt64(entry.left) << 32 | UInt64(entry.right)
      guard index == 0 || key > last, results[Int(entry.rank)] < 0 else {
        throw FormatError(
          .inconsistent,
          "entry \(index) of the merges does not follow the one before it, or has its rank twice")
      }
      last = key
      pairs[Int(entry.rank)] = (entry.left, entry.right)
      results[Int(entry.rank)] = entry.result
      starts[Int(entry.left) + 1] += 1
      sorted.append(UInt64(entry.right) << 20 | UInt64(entry.rank))
    }
    for id in 0..<count { starts[id + 1] += starts[id] }
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
    pairs.append((first, second))
  }

  /// Builds the index, after the last merge.
  mutating func seal(_ vocabulary: Vocabulary) {
    // Counting sort by left id; what is left to sort are short runs.
    starts = [Int32](repeating: 0, count: vocabulary.count + 1)
    for pair in pairs { starts[Int(pair.left) + 1] += 1 }
    for id in 0..<vocabulary.count { starts[id + 1] += starts[id] }
    var next = starts
    sorted = [UInt64](repeating: 0, count: pairs.count)
    for (rank, pair) in pairs.enumerated() {
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
