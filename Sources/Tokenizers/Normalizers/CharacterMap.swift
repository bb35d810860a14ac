internal import Bytes

/// SentencePiece's table of replacements (`precompiled_charsmap`): of the texts that it lists, the
/// longest that begins at a place is replaced, from left to right.
///
/// The bytes are: u32 the size of a trie in bytes; the trie, a Darts double array of u32 units;
/// replacement texts in UTF-8, each closed by a zero byte. All integers are little-endian.
///
/// The tokenizers library up to 0.23 looks replacements up by grapheme cluster instead: of a
/// cluster of fewer than six bytes the shortest entry that begins it replaces all of it, and other
/// clusters are looked up scalar by scalar. It so loses accents and does not compose Korean
/// syllables of more than six bytes. Here SentencePiece's rule counts, with which these models were
/// trained.
struct CharacterMap: Equatable, Sendable {
  /// The table as it was read.
  let bytes: [UInt8]
  private let units: [UInt32]
  private let texts: ArraySlice<UInt8>

  /// The most bytes of a text that is replaced, and of a replacement: ten times what occurs.
  static let maximumLength = 256
  /// The most bytes of a table: 40 times the largest that is published.
  static let maximumSize = 10_000_000

  /// - Throws: `truncated` or `invalidField` where sizes do not fit or a replacement is too long.
  init(parsing bytes: [UInt8]) throws(FormatError) {
    guard bytes.count >= 4, bytes.count <= Self.maximumSize else {
      throw FormatError(
        .invalidField,
        "precompiled_charsmap is \(bytes.count) bytes, 4 to \(Self.maximumSize) are allowed")
    }
    func word(_ index: Int) -> UInt32 {
      UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
        | UInt32(bytes[index + 3]) << 24
    }
    let size = Int(word(0))
    guard size % 4 == 0, size <= bytes.count - 4 else {
      throw FormatError(
        .truncated,
        "the trie of precompiled_charsmap takes \(size) bytes, \(bytes.count - 4) follow and a "
          + "multiple of 4 is needed")
    }
    self.bytes = bytes
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    texts = bytes[(4 + size)...]
    var length = 0
    for byte in texts {
      length = byte == 0 ? 0 : length + 1
      guard length <= Self.maximumLength else {
        throw FormatError(
          .invalidField,
          "a replacement of precompiled_charsmap is longer than \(Self.maximumLength) bytes")
      }
    }
  }

  func apply(to scalars: inout [UInt32]) {
    var utf8: [UInt8] = []
    utf8.reserveCapacity(scalars.count * 2)
    for scalar in scalars { UTF8.append(scalar, to: &utf8) }
    var result: [UInt8] = []
    result.reserveCapacity(utf8.count)
    var position = 0
    while position < utf8.count {
      if let (length, value) = match(utf8, position) {
        append(replacement: value, to: &result)
        position += length
      } else {
        // The rest of a scalar goes with its first byte.
        repeat {
          result.append(utf8[position])
          position += 1
        } while position < utf8.count && utf8[position] & 0xc0 == 0x80
      }
    }
    if result != utf8 {
      scalars = String(decoding: result, as: UTF8.self).unicodeScalars.map(\.value)
    }
  }

  /// The longest entry that begins at a position.
  private func match(_ text: [UInt8], _ start: Int) -> (length: Int, value: Int)? {
    guard !units.isEmpty else { return nil }
    var found: (length: Int, value: Int)?
    var node = Self.offset(units[0])
    for position in start..<min(text.count, start + Self.maximumLength) {
      node ^= UInt32(text[position])
      guard node < units.count else { break }
      let unit = units[Int(node)]
      // The label, and the bit that marks a leaf.
      guard unit & 0x8000_00ff == UInt32(text[position]) else { break }
      node ^= Self.offset(unit)
      guard unit & 0x100 != 0 else { continue }
      guard node < units.count else { break }
      found = (position - start + 1, Int(units[Int(node)] & 0x7fff_ffff))
    }
    return found
  }

  private static func offset(_ unit: UInt32) -> UInt32 {
    (unit >> 10) << ((unit & 0x200) >> 6)
  }

  private func append(replacement start: Int, to result: inout [UInt8]) {
    guard start < texts.count else { return }
    for byte in texts[(texts.startIndex + start)...] {
      if byte == 0 { break }
      result.append(byte)
    }
  }
}
