public import Bytes

/// How a pack holds a tokenizer:
///
///     {
///       "type": "clip_bpe",
///       "vocabulary": ["!", "\"", …],      the tokens in the order of their ids
///       "merges": ["i n", "t h", …],       the pairs that become one token, most preferred first
///       "start": 49406,                    ids: before every text,
///       "end": 49407,                      after every text,
///       "unknown": 49407,                  in place of a byte that the vocabulary does not have,
///       "padding": 49407,                  after the end token
///       "added": [                         what is found in a text before it is cut into words
///         { "id": 49406, "normalized": true },     in the normalised text
///         { "id": 49407, "normalized": false }     in the text as it was given
///       ]
///     }
extension Tokenizer {
  static let type = "clip_bpe"

  /// The tokenizer as a pack holds it.
  public var json: JSON {
    [
      "type": .string(Self.type),
      "vocabulary": .array(vocabulary.tokens.map { .string($0) }),
      "merges": .array(
        merges.pairs.map { .string(vocabulary[$0.left] + " " + vocabulary[$0.right]) }),
      "start": .integer(Int(start)),
      "end": .integer(Int(end)),
      "unknown": .integer(Int(unknown)),
      "padding": .integer(Int(padding)),
      "added": .array(
        added.map { ["id": .integer(Int($0.id)), "normalized": .bool($0.token.isNormalized)] }),
    ]
  }

  /// Reads what `json` writes.
  ///
  /// - Throws: `unsupported` for another type, `invalidField` for a member that is missing or of
  ///   another kind, and what the parts throw.
  public init(decoding json: JSON) throws(FormatError) {
    guard json["type"]?.string == Self.type else {
      let found = json["type"].map { "\($0)" } ?? "missing"
      throw FormatError(.unsupported, "the tokenizer's type is \(found), not \"\(Self.type)\"")
    }
    let vocabulary = try Vocabulary(Self.strings("vocabulary", in: json))
    var merges = Merges()
    for merge in try Self.strings("merges", in: json) {
      try merges.append(line: merge.utf8Span.span, vocabulary)
    }
    func id(_ member: String) throws(FormatError) -> Int32 {
      try vocabulary.checked(Self.integer(member, in: json), "\"\(member)\"")
    }
    guard let list = json["added"]?.array else { throw Self.missing("added", "an array") }
    var added: [(token: AddedToken, id: Int32)] = []
    for (index, element) in list.enumerated() {
      let place = "added[\(index)]"
      guard let isNormalized = element["normalized"]?.bool else {
        throw Self.missing("\(place).normalized", "true or false")
      }
      guard let id = element["id"]?.int else { throw Self.missing("\(place).id", "an integer") }
      let checked = try vocabulary.checked(id, "\"\(place).id\"")
      added.append((AddedToken(vocabulary[checked], isNormalized: isNormalized), checked))
    }
    self.init(
      vocabulary, merges, start: try id("start"), end: try id("end"), unknown: try id("unknown"),
      padding: try id("padding"), added: added)
  }

  private static func integer(_ member: String, in json: JSON) throws(FormatError) -> Int {
    guard let value = json[member]?.int else { throw missing(member, "an integer") }
    return value
  }

  static func strings(_ member: String, in json: JSON) throws(FormatError) -> [String] {
    guard let array = json[member]?.array else { throw missing(member, "an array of strings") }
    var strings: [String] = []
    strings.reserveCapacity(array.count)
    for (index, element) in array.enumerated() {
      guard let text = element.string else { throw missing("\(member)[\(index)]", "a string") }
      strings.append(text)
    }
    return strings
  }

  static func missing(_ member: String, _ wanted: String) -> FormatError {
    FormatError(.invalidField, "\"\(member)\" is missing or is not \(wanted)")
  }
}
