internal import Bytes

extension AddedToken {
  /// Reads `{"content": …, "normalized": …, "lstrip": …, "rstrip": …, "special": …}`.
  ///
  /// - Throws: `unsupported` for one that only counts as a whole word.
  init(parsing json: JSON, _ place: String) throws(FormatError) {
    guard let content = json["content"]?.string, !content.isEmpty else {
      throw Tokenizer.missing("\(place).content", "a string that is not empty")
    }
    guard content.unicodeScalars.count <= AddedTokenSearch.maximumLength else {
      throw FormatError(
        .invalidField,
        "\(place).content is longer than \(AddedTokenSearch.maximumLength) characters")
    }
    if json["single_word"]?.bool == true {
      throw FormatError(
        .unsupported,
        "\(place).single_word is true for \(Vocabulary.quoted(content)), only false is read")
    }
    // The library's default: what is special is sought in the text as it was given.
    self.init(content, isNormalized: json["normalized"]?.bool ?? !(json["special"]?.bool ?? false))
    stripsLeft = json["lstrip"]?.bool ?? false
    stripsRight = json["rstrip"]?.bool ?? false
    isSpecial = json["special"]?.bool ?? false
  }

  /// What `init` reads, with the id.
  func json(id: Int32) -> JSON {
    [
      "id": .integer(Int(id)), "content": .string(content), "single_word": false,
      "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(isNormalized),
      "special": .bool(isSpecial),
    ]
  }
}
