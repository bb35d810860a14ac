internal import Bytes

/// What of a `tokenizer.json` makes a CLIP tokenizer.
struct TokenizerFile {
  /// Model's tokens and added ones.
  var ids: [(key: String, value: Int)]
  var merges: [(String, String)] = []
  var added: [(token: AddedToken, id: Int)]

  init(_ json: JSON) throws(FormatError) {
    guard let model = json["model"], model.object != nil else {
      throw Tokenizer.missing("model", "an object")
    }
    if let type = model["type"], type.string != "BPE" {
      throw FormatError(.unsupported, "the model's type is \(type), CLIP's is \"BPE\"")
    }
    guard model["end_of_word_suffix"]?.string == "</w>" else {
      let found = model["end_of_word_suffix"].map { "\($0)" } ?? "missing"
      throw FormatError(
        .unsupported, "the model's end_of_word_suffix is \(found), CLIP's is \"</w>\"")
    }
    ids = try Tokenizer.ids(model["vocab"] ?? .null, "\"model.vocab\"")
    guard let merges = model["merges"]?.array else {
      throw Tokenizer.missing("model.merges", "an array")
    }
    self.merges.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      self.merges.append(try Self.merge(merge, rank))
    }
    added = []
    for (index, token) in (json["added_tokens"]?.array ?? []).enumerated() {
      guard let id = token["id"]?.int else {
        throw Tokenizer.missing("added_tokens[\(index)].id", "an integer")
      }
      added.append((try AddedToken(parsing: token, "added_tokens[\(index)]"), id))
    }
    ids = try Self.joined(ids, added)
  }

  /// A string with a space, or since tokenizers 0.20 an array of two.
  private static func merge(_ json: JSON, _ rank: Int) throws(FormatError) -> (String, String) {
    if let pair = json.array, pair.count == 2, let left = pair[0].string,
      let right = pair[1].string
    {
      return (left, right)
    }
    guard let line = json.string else {
      throw Tokenizer.missing("model.merges[\(rank)]", "a pair of strings")
    }
    _ = try Merges.space(in: line.utf8Span.span, rank: rank, at: nil)
    let parts = line.split(separator: " ", maxSplits: 1)
    return (String(parts[0]), String(parts[parts.count - 1]))
  }

  /// Adds to a model's ids those of added tokens that it does not have.
  ///
  /// - Throws: `inconsistent` for a token that both have, with different ids.
  static func joined(
    _ ids: [(key: String, value: Int)], _ added: [(token: AddedToken, id: Int)]
  ) throws(FormatError) -> [(key: String, value: Int)] {
    var missing: [String: Int] = [:]
    for (token, id) in added { missing[token.content] = id }
    for (token, id) in ids {
      guard let other = missing.removeValue(forKey: token), other != id else { continue }
      throw FormatError(
        .inconsistent,
        "added token \(Vocabulary.quoted(token)) has the id \(other), in the vocabulary it has "
          + "\(id)")
    }
    let result = ids + missing.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
    return result
  }
}

extension AddedToken {
  /// Reads `{"content": …, "normalized": …}`. White space that it may take along (`lstrip`,
  /// `rstrip`) has no id and is not looked at.
  ///
  /// - Throws: `unsupported` for one that only counts as a whole word.
  init(parsing json: JSON, _ place: String) throws(FormatError) {
    guard let content = json["content"]?.string, !content.isEmpty else {
      throw Tokenizer.missing("\(place).content", "a string that is not empty")
    }
    if json["single_word"]?.bool == true {
      throw FormatError(
        .unsupported,
        "\(place).single_word is true for \(Vocabulary.quoted(content)), only false is read")
    }
    // The library's default: what is special is sought in the text as it was given.
    self.init(content, isNormalized: json["normalized"]?.bool ?? !(json["special"]?.bool ?? false))
  }
}
