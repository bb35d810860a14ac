extension Tokenizer {
  /// The text of ids, in lower case, with one space after each word, as transformers gives it.
  ///
  /// Bytes that are no UTF-8 become U+FFFD.
  ///
  /// - Parameter keepingSpecial: whether added tokens, such as start and end, appear by name.
  /// - Precondition: the ids are in the vocabulary.
  public func decode(_ ids: [Int32], keepingSpecial: Bool = false) -> String {
    let special = keepingSpecial ? [] : Set(added.map(\.id))
    var bytes: [UInt8] = []
    for id in ids where !special.contains(id) {
      let token = vocabulary[id]
      let mapped = token.unicodeScalars.map { ByteAlphabet.byte(of: $0) }
      if mapped.contains(nil) {
        bytes += token.utf8
      } else {
        bytes += mapped.compactMap { $0 }
      }
    }
    let text = String(decoding: Self.spaced(bytes), as: UTF8.self).unicodeScalars
    let isKept = { (scalar: Unicode.Scalar) in
      // What Python's `strip` takes away.
      CharacterClass(of: scalar.value) != .space && !(0x1c...0x1f ~= scalar.value)
    }
    guard let first = text.firstIndex(where: isKept), let last = text.lastIndex(where: isKept)
    else { return "" }
    return String(text[first...last])
  }

  /// A space for each mark of a word's end.
  private static func spaced(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      if bytes[position...].starts(with: ByteAlphabet.endOfWord) {
        result.append(UInt8(ascii: " "))
        position += ByteAlphabet.endOfWord.count
      } else {
        result.append(bytes[position])
        position += 1
      }
    }
    return result
  }
}
