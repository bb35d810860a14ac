internal import Bytes

/// The tokens of a tokenizer in the order of their ids, and the way back.
///
/// Compares bytes: `String` would take canonically equivalent tokens for one, and hashes slowly
/// what is not ASCII.
struct Vocabulary: Sendable {
  /// How many tokens a vocabulary may have: 20 times CLIP's, and more than XLM-V's 901,629.
  static let maximumCount = 1 << 20
  /// The most bytes of a token, so that seeking one takes no more than a constant time at each
  /// place of a text. Published ones stay below 400.
  static let maximumLength = 1024

  /// The tokens' UTF-8, one after the other.
  private(set) var utf8: [UInt8] = []
  /// Where the token at place i begins, and after the last one where it ends.
  private(set) var starts: [Int32] = [0]
  private(set) var index: Index

  enum Index: Sendable {
    /// Places are ids. Open addressing with linear probing: an id, or -1. A power of two, at most
    /// half full.
    case hashed([Int32])
    /// Places are in ascending order of bytes, but for those that are not sought.
    case sorted(Order)
  }

  /// Which id stands at which place.
  struct Order: Sendable {
    /// The id at each place.
    var ids: [Int32]
    /// The place of each id.
    var places: [Int32]
    /// How many places, from the first, are sought in; other tokens are no part of any text.
    var searchable: Int
    /// Where the tokens begin that have each first byte; one entry more than there are bytes.
    var firsts: [Int32] = []
  }

  /// - Throws: `invalidField` for more tokens than are allowed and for an empty token or one that
  ///   is too long, `inconsistent` for one that two ids have.
  init(_ tokens: some Collection<String>) throws(FormatError) {
    try Self.checkCount(tokens.count)
    var size = 8
    while size < 2 * tokens.count { size *= 2 }
    var slots = [Int32](repeating: -1, count: size)
    utf8.reserveCapacity(tokens.count * 8)
    starts.reserveCapacity(tokens.count + 1)
    index = .hashed([])
    for token in tokens {
      let bytes = token.utf8Span.span
      if bytes.isEmpty { throw FormatError(.invalidField, "token \(count) is empty") }
      try Self.checkLength(bytes.count, count)
      let slot = slot(of: bytes, slots)
      if slots[slot] >= 0 {
        throw FormatError(
          .inconsistent, "token \(Self.quoted(token)) has the ids \(slots[slot]) and \(count)")
      }
      slots[slot] = Int32(count)
      for i in bytes.indices { utf8.append(bytes[i]) }
      starts.append(Int32(utf8.count))
    }
    index = .hashed(slots)
  }

  static func checkCount(_ count: Int) throws(FormatError) {
    guard 1...maximumCount ~= count else {
      throw FormatError(
        .invalidField, "the vocabulary has \(count) tokens, 1 to \(maximumCount) are allowed")
    }
  }

  static func checkLength(_ length: Int, _ id: Int) throws(FormatError) {
    guard length <= maximumLength else {
      throw FormatError(
        .invalidField, "token \(id) is \(length) bytes, at most \(maximumLength) are allowed")
    }
  }

  /// A vocabulary from the tables of a pack: tokens by place, and their order.
  ///
  /// - Precondition: `starts` ascends from 0 to the size of `utf8`, and `order` is a permutation.
  /// - Throws: `inconsistent` where the tokens that are sought are not in ascending order.
  init(utf8: [UInt8], starts: [Int32], order: Order) throws(FormatError) {
    self.utf8 = utf8
    self.starts = starts
    index = .sorted(order)
    for place in 1..<max(order.searchable, 1) where !precedes(place - 1, place) {
      throw FormatError(
        .inconsistent,
        "token \(Self.quoted(self[order.ids[place]])) does not follow its predecessor in the order "
          + "of bytes")
    }
    var ordered = order
    ordered.firsts = firsts(order.searchable)
    index = .sorted(ordered)
  }

  var count: Int { starts.count - 1 }

  subscript(id: Int32) -> String { String(decoding: bytes(of: id), as: UTF8.self) }

  /// The UTF-8 of a token.
  func bytes(of id: Int32) -> ArraySlice<UInt8> {
    let place =
      switch index {
      case .hashed: Int(id)
      case .sorted(let order): Int(order.places[Int(id)])
      }
    return utf8[range(place)]
  }

  /// The bytes of the token at a place.
  func range(_ place: Int) -> Range<Int> { Int(starts[place])..<Int(starts[place + 1]) }

  /// All tokens in the order of their ids.
  var tokens: [String] { (0..<Int32(count)).map { self[$0] } }

  /// The id of a token that may be sought.
  func id(of token: Span<UInt8>) -> Int32? {
    switch index {
    case .hashed(let slots):
      let id = slots[slot(of: token, slots)]
      return id >= 0 ? id : nil
    case .sorted:
      guard var prefix = prefixes else { return nil }
      for i in token.indices where !prefix.advance(token[i], self) { return nil }
      return prefix.id(self)
    }
  }

  func id(of token: String) -> Int32? { id(of: token.utf8Span.span) }

  /// The order of places; `nil` where they are ids.
  var order: Order? { if case .sorted(let order) = index { order } else { nil } }

  /// The slot that holds the token, or the free one where it belongs.
  private func slot(of token: Span<UInt8>, _ slots: [Int32]) -> Int {
    // Seeded anew in each process: no file can be made to collide.
    var hasher = Hasher()
    unsafe token.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] >= 0, !equals(slots[slot], token) { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private func equals(_ id: Int32, _ token: Span<UInt8>) -> Bool {
    let range = range(Int(id))
    guard range.count == token.count else { return false }
    for i in token.indices where utf8[range.lowerBound + i] != token[i] { return false }
    return true
  }

  /// Whether the token at one place stands before that at another in the order of bytes.
  private func precedes(_ first: Int, _ second: Int) -> Bool {
    let left = range(first)
    let right = range(second)
    for i in 0..<min(left.count, right.count) {
      let (a, b) = (utf8[left.lowerBound + i], utf8[right.lowerBound + i])
      if a != b { return a < b }
    }
    return left.count < right.count
  }

  private func firsts(_ searchable: Int) -> [Int32] {
    var result = [Int32](repeating: 0, count: 257)
    for place in 0..<searchable { result[Int(utf8[Int(starts[place])]) + 1] += 1 }
    for byte in 0..<256 { result[byte + 1] += result[byte] }
    return result
  }
}
