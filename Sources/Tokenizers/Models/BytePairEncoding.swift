/// Byte-pair encoding: symbols of a word become one, pair by pair, in the order of ranks.
struct BytePairEncoding: Sendable {
  let vocabulary: Vocabulary
  let merges: Merges
  let symbols: Symbols
  /// What becomes of a symbol that the vocabulary does not have; `nil` leaves it out.
  let unknown: Int32?
  /// Whether unknown symbols beside each other become one.
  var fusesUnknown = false
  /// Whether a word that is a token itself is that token, whatever merges give.
  var ignoresMerges = false
  /// Whether scalars that are no token become their bytes' tokens, `<0xE2>`.
  var hasByteFallback: Bool { if case .scalars(_, _?) = symbols { true } else { false } }

  /// What words are cut into before the first merge.
  enum Symbols: Sendable {
    /// Bytes in GPT-2's alphabet: the id of each inside a word and at its end; `nil` where the
    /// vocabulary does not have it.
    case bytes(inner: [Int32?], last: [Int32?], endOfWord: Bool)
    /// Scalars. The ids of ASCII, because most texts are that; the ids of the 256 bytes.
    case scalars(ascii: [Int32?], bytes: [Int32?]?)
  }

  /// - Parameter endOfWord: whether the last byte of a word has `</w>` after it.
  static func byteLevel(
    _ vocabulary: Vocabulary, _ merges: Merges, unknown: Int32?, endOfWord: Bool
  ) -> BytePairEncoding {
    let inner = (0...0xff).map { vocabulary.id(of: ByteAlphabet.utf8(of: $0).span) }
    let last = (0...0xff).map {
      vocabulary.id(of: (ByteAlphabet.utf8(of: $0) + ByteAlphabet.endOfWord).span)
    }
    return BytePairEncoding(
      vocabulary: vocabulary, merges: merges,
      symbols: .bytes(inner: inner, last: endOfWord ? last : inner, endOfWord: endOfWord),
      unknown: unknown)
  }

  static func scalars(
    _ vocabulary: Vocabulary, _ merges: Merges, unknown: Int32?, fusesUnknown: Bool,
    byteFallback: Bool
  ) -> BytePairEncoding {
    let ascii = (UInt8(0)..<0x80).map { vocabulary.id(of: [$0].span) }
    return BytePairEncoding(
      vocabulary: vocabulary, merges: merges,
      symbols: .scalars(ascii: ascii, bytes: byteFallback ? vocabulary.bytes : nil),
      unknown: unknown,
      fusesUnknown: fusesUnknown)
  }

  /// The ids of a word before any merge.
  func symbolize(
    _ word: ArraySlice<UInt32>, through bytes: inout [UInt8], into ids: inout [Int32]
  ) {
    ids.removeAll(keepingCapacity: true)
    switch symbols {
    case .bytes(let inner, let last, _):
      bytes.removeAll(keepingCapacity: true)
      for scalar in word { UTF8.append(scalar, to: &bytes) }
      for byte in bytes.dropLast() { append(inner[Int(byte)], to: &ids) }
      if let byte = bytes.last { append(last[Int(byte)], to: &ids) }
    case .scalars(let ascii, let fallback):
      var isAfterUnknown = false
      for scalar in word {
        bytes.removeAll(keepingCapacity: true)
        UTF8.append(scalar, to: &bytes)
        if let id = scalar < 0x80 ? ascii[Int(scalar)] : vocabulary.id(of: bytes.span) {
          ids.append(id)
          isAfterUnknown = false
        } else if let fallback, bytes.allSatisfy({ fallback[Int($0)] != nil }) {
          for byte in bytes { append(fallback[Int(byte)], to: &ids) }
          isAfterUnknown = false
        } else {
          if !(fusesUnknown && isAfterUnknown) { append(nil, to: &ids) }
          isAfterUnknown = true
        }
      }
    }
  }

  private func append(_ id: Int32?, to ids: inout [Int32]) {
    if let id = id ?? unknown { ids.append(id) }
  }

  /// The token that a whole word is, where `ignoresMerges`.
  func whole(_ word: ArraySlice<UInt32>, through bytes: inout [UInt8]) -> Int32? {
    guard ignoresMerges else { return nil }
    bytes.removeAll(keepingCapacity: true)
    for scalar in word { UTF8.append(scalar, to: &bytes) }
    if case .bytes = symbols {
      let raw = bytes
      bytes.removeAll(keepingCapacity: true)
      for byte in raw { UTF8.append(ByteAlphabet.scalars[Int(byte)], to: &bytes) }
    }
    return vocabulary.id(of: bytes.span)
  }
}
