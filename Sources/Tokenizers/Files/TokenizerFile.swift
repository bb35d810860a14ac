internal import Bytes

/// What a `tokenizer.json` holds.
struct TokenizerFile {
  /// The members that are small, all but the model's tables.
  var members = JSON.Object()
  /// The members of `model` but `vocab` and `merges`.
  var model = JSON.Object()
  /// Tokens by id, where the model has ids.
  var ids: [(key: String, value: Int)] = []
  /// Pieces with their scores, where the model has scores.
  var pieces: [(piece: String, score: Double)] = []
  var merges: [(String, String)] = []
  var hasVocabulary = false
  var hasMerges = false
  var added: [(token: AddedToken, id: Int)] = []

  /// Members that say nothing of ids.
  private static let unused = ["decoder", "version"]

  init(_ bytes: Span<UInt8>) throws(FormatError) {
    var cursor = try JSONCursor(bytes)
    var seen: [[UInt8]] = []
    try cursor.members { (cursor, key) throws(FormatError) in
      try Self.note(key, in: &seen)
      if key.elementsEqual("model".utf8), cursor.next == UInt8(ascii: "{") {
        try self.readModel(&cursor)
      } else if Self.unused.contains(where: { key.elementsEqual($0.utf8) }) {
        try cursor.skip()
      } else {
        members[String(decoding: key, as: UTF8.self)] = try cursor.value()
      }
    }
    cursor.skipWhiteSpace()
    guard cursor.next == nil else {
      throw FormatError(.invalidField, "text follows the JSON text", at: cursor.position)
    }
    guard seen.contains(where: { $0.elementsEqual("model".utf8) }), members["model"] == nil else {
      throw Tokenizer.missing("model", "an object")
    }
    for (index, token) in (members["added_tokens"]?.array ?? []).enumerated() {
      guard let id = token["id"]?.int else {
        throw Tokenizer.missing("added_tokens[\(index)].id", "an integer")
      }
      added.append((try AddedToken(parsing: token, "added_tokens[\(index)]"), id))
    }
  }

  private static func note(_ key: [UInt8], in seen: inout [[UInt8]]) throws(FormatError) {
    guard seen.count < 64, !seen.contains(key) else {
      throw FormatError(
        .invalidField,
        "key \(JSON.quoted(String(decoding: key.prefix(40), as: UTF8.self))) stands twice, or "
          + "there are more than 64 keys")
    }
    seen.append(key)
  }

  private mutating func readModel(_ cursor: inout JSONCursor) throws(FormatError) {
    var seen: [[UInt8]] = []
    try cursor.members { (cursor, key) throws(FormatError) in
      try Self.note(key, in: &seen)
      if key.elementsEqual("vocab".utf8), cursor.next == UInt8(ascii: "{") {
        hasVocabulary = true
        try readIds(&cursor)
      } else if key.elementsEqual("vocab".utf8), cursor.next == UInt8(ascii: "[") {
        hasVocabulary = true
        try readPieces(&cursor)
      } else if key.elementsEqual("merges".utf8), cursor.next == UInt8(ascii: "[") {
        hasMerges = true
        try readMerges(&cursor)
      } else {
        model[String(decoding: key, as: UTF8.self)] = try cursor.value()
      }
    }
  }

  private mutating func readIds(_ cursor: inout JSONCursor) throws(FormatError) {
    try cursor.members { (cursor, key) throws(FormatError) in
      let token = String(decoding: key, as: UTF8.self)
      let value = try cursor.value()
      guard let id = value.int else {
        throw FormatError(
          .invalidField,
          "token \(Vocabulary.quoted(token)) has the id \(value.excerpt), an integer is needed")
      }
      ids.append((token, id))
      try Vocabulary.checkCount(ids.count)
    }
  }

  private mutating func readPieces(_ cursor: inout JSONCursor) throws(FormatError) {
    try cursor.elements { (cursor) throws(FormatError) in
      var piece: String?
      var score: Double?
      var count = 0
      try cursor.elements { (cursor) throws(FormatError) in
        switch count {
        case 0: piece = String(decoding: try cursor.string(), as: UTF8.self)
        case 1: score = try cursor.number()
        default: break
        }
        count += 1
        if count > 2 { try cursor.skip() }
      }
      guard count == 2, let piece, let score else {
        throw FormatError(
          .invalidField, "piece \(pieces.count) is not a string and a number", at: cursor.position)
      }
      pieces.append((piece, score))
      try Vocabulary.checkCount(pieces.count)
    }
  }

  /// A merge is a string with a space, or since tokenizers 0.20 an array of two.
  private mutating func readMerges(_ cursor: inout JSONCursor) throws(FormatError) {
    try cursor.elements { (cursor) throws(FormatError) in
      let rank = merges.count
      guard rank < Merges.maximumCount else {
        throw FormatError(
          .invalidField,
          "there are more than \(Merges.maximumCount) merges, which is the most allowed",
          at: cursor.position)
      }
      if cursor.next == UInt8(ascii: "\"") {
        let line = try cursor.string()
        let space = try Merges.space(in: line.span, rank: rank, at: nil)
        merges.append(
          (
            String(decoding: line[..<space], as: UTF8.self),
            String(decoding: line[(space + 1)...], as: UTF8.self)
          ))
        return
      }
      let value = try cursor.value()
      guard let pair = value.array, pair.count == 2, let left = pair[0].string,
        let right = pair[1].string
      else { throw Tokenizer.missing("model.merges[\(rank)]", "a pair of strings") }
      merges.append((left, right))
    }
  }

  /// Adds to a model's ids those of added tokens that it does not have.
  ///
  /// - Throws: `inconsistent` for a token that both have, with different ids.
  static func joined(
    _ ids: [(key: String, value: Int)], _ added: [(token: AddedToken, id: Int)]
  ) throws(FormatError) -> [(key: String, value: Int)] {
    // By bytes: `String` takes canonically equivalent tokens for one.
    var missing: [[UInt8]: Int] = [:]
    for (token, id) in added { missing[Array(token.content.utf8)] = id }
    for (token, id) in ids {
      guard let other = missing.removeValue(forKey: Array(token.utf8)), other != id else {
        continue
      }
      throw FormatError(
        .inconsistent,
        "added token \(Vocabulary.quoted(token)) has the id \(other), in the vocabulary it has "
          + "\(id)")
    }
    let rest = missing.map { (key: String(decoding: $0.key, as: UTF8.self), value: $0.value) }
    return ids + rest.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
  }
}
