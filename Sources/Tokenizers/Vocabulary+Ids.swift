internal import Bytes

extension Vocabulary {
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

  /// A token for an error message: in quotes, at most 40 characters of it.
  static func quoted(_ token: String) -> String {
    let head = token.unicodeScalars.prefix(41)
    return head.count > 40
      ? JSON.quoted(String(String.UnicodeScalarView(head.dropLast())) + "…") : JSON.quoted(token)
  }
}
