internal import Bytes

/// The tokens of a tokenizer in the order of their ids, and the way back.
///
/// Compares bytes: `String` would take canonically equivalent tokens for one, and hashes slowly
/// what is not ASCII.
struct Vocabulary: Sendable {
  /// How many tokens a vocabulary may have: 20 times CLIP's.
  static let maximumCount = 1 << 20

  /// The tokens' UTF-8, one after the other.
  private var utf8: [UInt8] = []
  /// Where token i begins, and after the last one where it ends.
  private var starts: [Int] = [0]
  /// Open addressing with linear probing: an id, or -1. A power of two, at most half full.
  private var slots: [Int32]

  /// - Throws: `invalidField` for more tokens than are allowed and for an empty token,
  ///   `inconsistent` for one that two ids have.
  init(_ tokens: some Collection<String>) throws(FormatError) {
    guard 1...Self.maximumCount ~= tokens.count else {
      throw FormatError(
        .invalidField,
        "the vocabulary has \(tokens.count) tokens, 1 to \(Self.maximumCount) are allowed")
    }
    var size = 8
    while size < 2 * tokens.count { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    utf8.reserveCapacity(tokens.count * 8)
    starts.reserveCapacity(tokens.count + 1)
    for token in tokens {
      let bytes = token.utf8Span.span
      if bytes.isEmpty { throw FormatError(.invalidField, "token \(count) is empty") }
      let slot = slot(of: bytes)
      if slots[slot] >= 0 {
        throw FormatError(
          .inconsistent, "token \(Self.quoted(token)) has the ids \(slots[slot]) and \(count)")
      }
      slots[slot] = Int32(count)
      for i in bytes.indices { utf8.append(bytes[i]) }
      starts.append(utf8.count)
    }
  }

  /// Puts tokens into the order of their ids.
  ///
  /// - Throws: `invalidField` for a negative id or one that would leave a gap, `inconsistent` for
  ///   one that two tokens have.
  init(ids: some Collection<(key: String, value: Int)>) throws(FormatError) {
    var tokens = [String?](repeating: nil, count: ids.count)
    // In the order of ids, so that the same error is found first every time.
    for (token, id) in ids.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      guard tokens.indices.contains(id) else {
        let missing = tokens.firstIndex(of: nil) ?? 0
        throw FormatError(
          .invalidField,
          "token \(Self.quoted(token)) has the id \(id), \(ids.count) tokens need the ids 0 to "
            + "\(ids.count - 1) and \(missing) is missing")
      }
      if let other = tokens[id] {
        throw FormatError(
          .inconsistent,
          "tokens \(Self.quoted(other)) and \(Self.quoted(token)) have the same id \(id)")
      }
      tokens[id] = token
    }
    try self.init(tokens.map { $0 ?? "" })
  }

  var count: Int { starts.count - 1 }

  subscript(id: Int32) -> String { String(decoding: bytes(of: id), as: UTF8.self) }

  /// The UTF-8 of a token.
  func bytes(of id: Int32) -> ArraySlice<UInt8> { utf8[starts[Int(id)]..<starts[Int(id) + 1]] }

  /// All tokens in the order of their ids.
  var tokens: [String] { (0..<Int32(count)).map { self[$0] } }

  func id(of token: Span<UInt8>) -> Int32? {
    let id = slots[slot(of: token)]
    return id >= 0 ? id : nil
  }

  func id(of token: String) -> Int32? { id(of: token.utf8Span.span) }

  /// The slot that holds the token, or the free one where it belongs.
  private func slot(of token: Span<UInt8>) -> Int {
    // Seeded anew in each process: no file can be made to collide.
    var hasher = Hasher()
    unsafe token.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] >= 0, !equals(slots[slot], token) { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }

  private func equals(_ id: Int32, _ token: Span<UInt8>) -> Bool {
    let start = starts[Int(id)]
    guard starts[Int(id) + 1] - start == token.count else { return false }
    for i in token.indices where utf8[start + i] != token[i] { return false }
    return true
  }

  /// A token for an error message: in quotes, at most 40 characters of it.
  static func quoted(_ token: String) -> String {
    let head = token.unicodeScalars.prefix(41)
    return head.count > 40
      ? JSON.quoted(String(String.UnicodeScalarView(head.dropLast())) + "…") : JSON.quoted(token)
  }
}
