internal import Bytes

/// A pre-tokenizer as a `tokenizer.json` and a pack have it.
extension PreTokenizer {
  /// How many steps a sequence may have; published ones have two.
  static let maximumSteps = 8

  /// - Parameter place: where the JSON stands, for errors.
  /// - Throws: `unsupported` for a kind or an option that is not known, and what parts throw.
  init(parsing json: JSON, at place: String) throws(FormatError) {
    let part = Part(json, place)
    if json.isNull {
      self = .identity
      return
    }
    switch try part.type() {
    case "Sequence":
      var steps: [PreTokenizer] = []
      for (index, step) in try part.array("pretokenizers").enumerated() {
        steps.append(try PreTokenizer(parsing: step, at: "\(place).pretokenizers[\(index)]"))
      }
      guard steps.count <= Self.maximumSteps else {
        throw FormatError(
          .invalidField,
          "\(place) has \(steps.count) steps, at most \(Self.maximumSteps) are allowed")
      }
      for step in steps.dropLast() where step.isByteLevel {
        throw FormatError(
          .unsupported, "\(place) has ByteLevel before another part, it is known as the last one")
      }
      self = .sequence(steps)
    case "ByteLevel":
      self = .byteLevel(
        addsPrefixSpace: try part.bool("add_prefix_space", or: true),
        usesExpression: try part.bool("use_regex", or: true))
    case "Metaspace": self = .metaspace(try Metaspace(parsing: part))
    case "WhitespaceSplit": self = .whiteSpaceSplit
    case "BertPreTokenizer": self = .bert
    case "Split":
      guard case .string(let sought) = try Pattern(parsing: part), sought.count == 1,
        json["behavior"]?.string == "MergedWithPrevious", try !part.bool("invert", or: false)
      else {
        throw FormatError(
          .unsupported,
          "\(place) splits by \((json["pattern"] ?? .null).description) with the behavior "
            + "\((json["behavior"] ?? .null).excerpt), one character with MergedWithPrevious is "
            + "known"
        )
      }
      self = .splitAfter(sought[0])
    case let other: throw part.unknown(other)
    }
  }

  /// The pre-tokenizer in the form of a `tokenizer.json`.
  var json: JSON {
    switch self {
    case .sequence(let steps):
      ["type": "Sequence", "pretokenizers": .array(steps.map(\.json))]
    case .clip:
      [
        "type": "Sequence",
        "pretokenizers": [
          [
            "type": "Split", "pattern": ["Regex": .string(Words.expression)],
            "behavior": "Removed", "invert": true,
          ],
          [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
          ],
        ],
      ]
    case .byteLevel(let addsPrefixSpace, let usesExpression):
      [
        "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
        "use_regex": .bool(usesExpression),
      ]
    case .metaspace(let metaspace):
      [
        "type": "Metaspace", "replacement": "\u{2581}",
        "prepend_scheme": .string(metaspace.prepends.rawValue), "split": .bool(metaspace.splits),
      ]
    case .whiteSpaceSplit: ["type": "WhitespaceSplit"]
    case .bert: ["type": "BertPreTokenizer"]
    case .splitAfter(let scalar):
      [
        "type": "Split", "pattern": ["String": .string(String(scalars: [scalar]))],
        "behavior": "MergedWithPrevious", "invert": false,
      ]
    }
  }
}

extension Metaspace {
  init(parsing part: Part) throws(FormatError) {
    try part.refuse("replacement", unless: ["\u{2581}"])
    if let scheme = part.json["prepend_scheme"], !scheme.isNull {
      guard let known = scheme.string.flatMap({ Prepending(rawValue: $0) }) else {
        throw FormatError(
          .unsupported, "\(part.place).prepend_scheme is \(scheme.excerpt), which is not known")
      }
      prepends = known
    } else {
      // What files had before tokenizers 0.19.
      prepends = try part.bool("add_prefix_space", or: true) ? .always : .never
    }
    splits = try part.bool("split", or: true)
  }
}
