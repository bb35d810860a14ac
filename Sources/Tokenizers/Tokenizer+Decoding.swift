extension Tokenizer {
  /// The text of ids. CLIP's is in lower case, with one space after each word, as transformers
  /// gives it; the others' is for people.
  ///
  /// Bytes that are no UTF-8 become U+FFFD.
  ///
  /// - Parameter keepingSpecial: whether added tokens, such as start and end, appear by name.
  /// - Precondition: the ids are below `count`.
  public func decode(_ ids: [Int32], keepingSpecial: Bool = false) -> String {
    let names = Dictionary(
      added.map { ($0.id, $0.token.content) }, uniquingKeysWith: { first, _ in first })
    var bytes: [UInt8] = []
    for id in ids {
      if let name = names[id] {
        if keepingSpecial { append(name, to: &bytes) }
      } else if Int(id) < vocabulary.count {
        append(vocabulary[id], to: &bytes)
      }
    }
    let text = String(decoding: spaced(bytes), as: UTF8.self).unicodeScalars
    let isKept = { (scalar: Unicode.Scalar) in
      // What Python's `strip` takes away.
      CharacterClass(of: scalar.value) != .space && !(0x1c...0x1f ~= scalar.value)
    }
    guard let first = text.firstIndex(where: isKept), let last = text.lastIndex(where: isKept)
    else { return "" }
    return String(text[first...last])
  }

  private func append(_ token: String, to bytes: inout [UInt8]) {
    switch model {
    case .bytePairEncoding(let model):
      if case .bytes = model.symbols {
        let mapped = token.unicodeScalars.map { ByteAlphabet.byte(of: $0) }
        bytes += mapped.contains(nil) ? Array(token.utf8) : mapped.compactMap { $0 }
      } else {
        bytes += ByteAlphabet.fallbackByte(of: token).map { [$0] } ?? Self.unmarked(token)
      }
    case .unigram:
      bytes += ByteAlphabet.fallbackByte(of: token).map { [$0] } ?? Self.unmarked(token)
    case .wordPiece(let model):
      if token.utf8.starts(with: model.continuation.utf8) {
        bytes += token.utf8.dropFirst(model.continuation.utf8.count)
      } else {
        bytes += [0x20] + token.utf8
      }
    }
  }

  /// A space for each `▁`.
  private static func unmarked(_ token: String) -> [UInt8] {
    Array(
      String(
        String.UnicodeScalarView(
          token.unicodeScalars.map { $0.value == Metaspace.mark ? " " : $0 })
      ).utf8)
  }

  /// A space for each mark of a word's end.
  private func spaced(_ bytes: [UInt8]) -> [UInt8] {
    guard case .bytePairEncoding(let model) = model,
      case .bytes(_, _, endOfWord: true) = model.symbols
    else { return bytes }
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
