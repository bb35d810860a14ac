internal import Bytes

/// How a pack holds CLIP's tokenizer:
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
  static let clipType = "clip_bpe"

  /// The section of CLIP's tokenizer.
  func clipJSON(
    _ parts: (merges: Merges, start: Int32, end: Int32, unknown: Int32, padding: Int32)
  ) -> JSON {
    [
      "type": .string(Self.clipType),
      "vocabulary": .array(vocabulary.tokens.map { .string($0) }),
      "merges": .array(
        parts.merges.pairs.map { .string(vocabulary[$0.left] + " " + vocabulary[$0.right]) }),
      "start": .integer(Int(parts.start)),
      "end": .integer(Int(parts.end)),
      "unknown": .integer(Int(parts.unknown)),
      "padding": .integer(Int(parts.padding)),
      "added": .array(
        added.map { ["id": .integer(Int($0.id)), "normalized": .bool($0.token.isNormalized)] }),
    ]
  }

  /// Reads what `clipJSON` writes.
  ///
  /// - Throws: `invalidField` for a member that is missing or of another kind, and what the parts
  ///   throw.
  init(clip json: JSON) throws(FormatError) {
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
