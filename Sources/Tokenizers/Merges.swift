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
