internal import Bytes

/// Special and added tokens, as they become known from one file after the other.
struct Settings {
  /// The tokens that have a role, where a file says so.
  var special: [Role: String] = [:]
  var added: [(token: AddedToken, id: Int)] = []
  /// Special tokens that say how they are sought.
  private var described: [AddedToken] = []

  enum Role: String, CaseIterable {
    case start = "bos_token"
    case end = "eos_token"
    case unknown = "unk_token"
    case separator = "sep_token"
    case padding = "pad_token"
    case classification = "cls_token"
  }

  /// Names of special tokens, with CLIP's where no file says them.
  var clip: Tokenizer.SpecialTokens {
    var result = Tokenizer.SpecialTokens()
    if let name = special[.start] { result.start = name }
    if let name = special[.end] { result.end = name }
    if let name = special[.unknown] { result.unknown = name }
    if let name = special[.padding] { result.padding = name }
    return result
  }

  /// CLIP's added tokens, first those with ids.
  var all: [AddedToken] {
    let clip = clip
    let names = [clip.start, clip.end, clip.unknown, clip.padding]
    let known = Set(added.map { Array($0.token.content.utf8) })
    return added.map(\.token)
      + described.filter {
        names.contains($0.content) && !known.contains(Array($0.content.utf8))
      }
  }

  /// The special tokens of `tokenizer_config.json` or `special_tokens_map.json`; a later file
  /// prevails.
  mutating func read(_ json: JSON) throws(FormatError) {
    for role in Role.allCases {
      if role == .padding, json[role.rawValue]?.isNull == true { special[role] = special[.end] }
      try read(json, role)
    }
    guard let decoder = json["added_tokens_decoder"]?.object else { return }
    for key in decoder.keys {
      guard let id = Int(key) else {
        throw FormatError(
          .invalidField,
          "added_tokens_decoder has the key \(Vocabulary.quoted(key)), an id is needed")
      }
      let place = "added_tokens_decoder.\(key)"
      added.append((try AddedToken(parsing: decoder[key] ?? .null, place), id))
    }
    added.sort { $0.id < $1.id }
  }

  private mutating func read(_ json: JSON, _ role: Role) throws(FormatError) {
    guard let value = json[role.rawValue], !value.isNull else { return }
    if let text = value.string {
      special[role] = text
      // A plain name takes back what an earlier file said of the same token.
      described.removeAll { $0.content == text }
      return
    }
    var object = value.object ?? JSON.Object()
    if object["special"] == nil { object["special"] = true }
    let token = try AddedToken(parsing: .object(object), role.rawValue)
    special[role] = token.content
    described.removeAll { $0.content == token.content }
    described.append(token)
  }

  /// The tokens of the older `added_tokens.json`, ids by token.
  mutating func add(_ json: JSON) throws(FormatError) {
    let clip = clip
    let names = [clip.start, clip.end, clip.unknown, clip.padding]
    for (token, id) in try Tokenizer.ids(json, "the file") {
      added.append((AddedToken(token, isNormalized: !names.contains(token)), id))
    }
  }

  /// The added tokens of `tokenizer.json`, which prevail.
  mutating func add(_ tokens: [(token: AddedToken, id: Int)]) {
    let names = Set(tokens.map { Array($0.token.content.utf8) })
    added.removeAll { names.contains(Array($0.token.content.utf8)) }
    added += tokens
  }
}
