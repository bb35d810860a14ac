internal import Bytes

/// Writing a `tokenizer.json`.
extension Tokenizer {
  /// The tokenizer in the form that the tokenizers library reads.
  ///
  /// Gives the same ids there, with exceptions that the form has no words for: a table of
  /// replacements is looked up otherwise by versions up to 0.23 (`CharacterMap`); scores are added
  /// in double precision, which may decide otherwise between ways of the same score; and SigLIP's
  /// rules for texts that spell a special token: no space after it, no second one at the end.
  ///
  /// - Parameter limit: how many positions the tower has: texts are cut off at it, and padded to it
  ///   where `padsToLimit`. `nil` leaves both to the caller.
  public func tokenizerJSON(limit: Int? = nil) -> String {
    let members: [(String, String)] = [
      ("version", "\"1.0\""),
      ("truncation", (limit.map { truncation($0) } ?? .null).description),
      ("padding", (limit.flatMap { exportedPadding($0) } ?? .null).description),
      ("added_tokens", exportedTokens.description),
      ("normalizer", normalizer.exported.description),
      ("pre_tokenizer", exportedPreTokenizer.description),
      ("post_processor", exportedTemplate.description),
      ("decoder", decoder.description),
      ("model", exportedModel),
    ]
    return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }

  private func truncation(_ limit: Int) -> JSON {
    ["direction": "Right", "max_length": .integer(limit), "strategy": "LongestFirst", "stride": 0]
  }

  private func exportedPadding(_ limit: Int) -> JSON? {
    guard padsToLimit, let padding else { return nil }
    return [
      "strategy": ["Fixed": .integer(limit)], "direction": paddingRule.isLeft ? "Left" : "Right",
      "pad_to_multiple_of": .null, "pad_id": .integer(Int(padding)), "pad_type_id": 0,
      "pad_token": .string(token(padding)),
    ]
  }

  /// In ascending order of ids, as the library demands it of those that the model lacks.
  private var exportedTokens: JSON {
    .array(added.sorted { $0.id < $1.id }.map { $0.token.json(id: $0.id) })
  }

  private var exportedPreTokenizer: JSON {
    preTokenizer == .identity ? .null : preTokenizer.json
  }

  private var exportedTemplate: JSON {
    if clip != nil, let start, let end {
      return [
        "type": "RobertaProcessing", "sep": [.string(token(end)), .integer(Int(end))],
        "cls": [.string(token(start)), .integer(Int(start))], "trim_offsets": false,
        "add_prefix_space": false,
      ]
    }
    if template.count == 0 { return .null }
    func items(_ ids: [Int32], _ type: Int) -> [JSON] {
      ids.map { ["SpecialToken": ["id": .string(token($0)), "type_id": .integer(type)]] }
    }
    func sequence(_ name: String, _ type: Int) -> JSON {
      ["Sequence": ["id": .string(name), "type_id": .integer(type)]]
    }
    let single = items(template.before, 0) + [sequence("A", 0)] + items(template.after, 0)
    var special = JSON.Object()
    for id in template.before + template.after {
      special[token(id)] = [
        "id": .string(token(id)), "ids": [.integer(Int(id))], "tokens": [.string(token(id))],
      ]
    }
    return [
      "type": "TemplateProcessing", "single": .array(single),
      "pair": .array(single + [sequence("B", 1)] + items(template.after, 1)),
      "special_tokens": .object(special),
    ]
  }

  private var decoder: JSON {
    switch model {
    case .bytePairEncoding(let model):
      if case .bytes = model.symbols {
        return [
          "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
        ]
      }
      return Self.marksDecoder
    case .unigram: return Self.marksDecoder
    case .wordPiece(let model):
      return ["type": "WordPiece", "prefix": .string(model.continuation), "cleanup": true]
    }
  }

  private static let marksDecoder: JSON = [
    "type": "Sequence",
    "decoders": [
      ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "],
      ["type": "ByteFallback"], ["type": "Fuse"],
    ],
  ]

  /// Vocabulary and merges as text, which are too many for values.
  private var exportedModel: String {
    var members: [(String, String)] = [("type", "\"\(model.type)\"")]
    switch model {
    case .bytePairEncoding(let model):
      var isEndMarked = false
      if case .bytes(_, _, let endOfWord) = model.symbols { isEndMarked = endOfWord }
      let pairs = model.merges.pairs.map {
        "[" + JSON.quoted(vocabulary[$0.left]) + "," + JSON.quoted(vocabulary[$0.right]) + "]"
      }
      members += [
        ("dropout", "null"),
        ("unk_token", model.unknown.map { JSON.quoted(vocabulary[$0]) } ?? "null"),
        ("continuing_subword_prefix", clip == nil ? "null" : "\"\""),
        ("end_of_word_suffix", isEndMarked ? "\"</w>\"" : "null"),
        ("fuse_unk", "\(model.fusesUnknown)"), ("byte_fallback", "\(model.hasByteFallback)"),
        ("ignore_merges", "\(model.ignoresMerges)"), ("vocab", vocabulary.json),
        ("merges", "[" + pairs.joined(separator: ",") + "]"),
      ]
    case .unigram(let model):
      let pieces = (0..<Int32(vocabulary.count)).map {
        "[" + JSON.quoted(vocabulary[$0]) + ",\(model.scores[Int($0)])]"
      }
      members += [
        ("unk_id", "\(model.unknown)"), ("vocab", "[" + pieces.joined(separator: ",") + "]"),
        ("byte_fallback", "\(model.bytes != nil)"),
      ]
    case .wordPiece(let model):
      members += [
        ("unk_token", JSON.quoted(vocabulary[model.unknown])),
        ("continuing_subword_prefix", JSON.quoted(model.continuation)),
        ("max_input_chars_per_word", "\(model.maximumLength)"), ("vocab", vocabulary.json),
      ]
    }
    return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }
}

extension Normalizer {
  /// The normalizer in the library's own words.
  var exported: JSON {
    let steps = exportedSteps
    return steps.isEmpty ? .null : steps.count == 1 ? steps[0] : Self.sequence(steps)
  }

  private static func sequence(_ steps: [JSON]) -> JSON {
    ["type": "Sequence", "normalizers": .array(steps)]
  }

  private var exportedSteps: [JSON] {
    switch self {
    case .sequence(let steps):
      return steps.flatMap(\.exportedSteps)
    case .prepend(let content, onlyFirst: true):
      return [["type": "Prepend", "prepend": .string(String(scalars: content))]]
    case .lowercase(finalSigma: true):
      return [Self.replacement(Self.finalSigma, with: "\u{3c2}"), ["type": "Lowercase"]]
    case .precompiled(let map):
      return [
        ["type": "Precompiled", "precompiled_charsmap": .string(Base64.encode(map.bytes))]
      ]
    default: return [json]
    }
  }

  /// A sigma after a cased letter and not before one, case-ignorable characters between them aside.
  private static let finalSigma =
    #"[\p{Cased}&&\P{Case_Ignorable}]\p{Case_Ignorable}*\K\x{3a3}"#
    + #"(?!\p{Case_Ignorable}*[\p{Cased}&&\P{Case_Ignorable}])"#

  private static func replacement(_ expression: String, with content: String) -> JSON {
    [
      "type": "Replace", "pattern": ["Regex": .string(expression)], "content": .string(content),
    ]
  }
}
