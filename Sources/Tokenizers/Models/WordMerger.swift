/// Byte-pair encoding of one word at a time, in O(n log n).
///
/// Merges the pair of lowest rank, of those the leftmost, until no pair has a rank. Keep one for
/// many words: it reuses its memory.
struct WordMerger {
  private let merges: Merges
  /// A symbol's id, or -1 where it has become part of the one before.
  private var symbols: [Int32] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// A binary heap, lowest first, of rank << 32 | position of the left symbol. Entries whose pair
  /// has changed stay in until they come up.
  private var heap: [UInt64] = []

  init(_ merges: Merges) { self.merges = merges }

  /// Appends the ids of a word, given the ids of its bytes.
  mutating func encode(_ word: [Int32], into ids: inout [Int32]) {
    symbols.removeAll(keepingCapacity: true)
    symbols.append(contentsOf: word)
    let count = Int32(symbols.count)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    heap.removeAll(keepingCapacity: true)
    for i in 0..<count {
      next.append(i + 1)
      previous.append(i - 1)
    }
    for i in 0..<count { push(i) }
    while let top = pop() {
      let left = Int32(truncatingIfNeeded: top)
      let rank = Int(top >> 32)
      let right = next[Int(left)]
      guard symbols[Int(left)] >= 0, right < count,
        merges.rank(symbols[Int(left)], symbols[Int(right)]) == rank
      else { continue }
      symbols[Int(left)] = merges.results[rank]
      symbols[Int(right)] = -1
      next[Int(left)] = next[Int(right)]
      if next[Int(left)] < count { previous[Int(next[Int(left)])] = left }
      if previous[Int(left)] >= 0 { push(previous[Int(left)]) }
      push(left)
    }
    for id in symbols where id >= 0 { ids.append(id) }
  }

  /// Adds the pair whose left symbol stands there, if it has a rank.
  private mutating func push(_ left: Int32) {
    let right = Int(next[Int(left)])
    guard right < symbols.count, let rank = merges.rank(symbols[Int(left)], symbols[right]) else {
      return
    }
    let entry = UInt64(rank) << 32 | UInt64(left)
    var child = heap.count
    heap.append(entry)
    while child > 0, case let parent = (child - 1) / 2, heap[parent] > entry {
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  private mutating func pop() -> UInt64? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return top }
    var parent = 0
    while case var child = 2 * parent + 1, child < heap.count {
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      if heap[child] >= last { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return top
  }
}
