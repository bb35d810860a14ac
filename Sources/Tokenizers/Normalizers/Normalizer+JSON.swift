internal import Bytes

/// A normalizer as a `tokenizer.json` and a pack have it.
///
/// Packs say more in three places: `final_sigma` of `Lowercase`, `first` of `Prepend`, and the
/// table of `Precompiled`, which stands among the pack's tables.
extension Normalizer {
  /// - Parameters:
  ///   - map: the table of `Precompiled`; `nil` where it stands in the JSON.
  ///   - place: where the JSON stands, for errors.
  /// - Throws: `unsupported` for a kind or an expression that is not known, and what parts throw.
  init(parsing json: JSON, map: [UInt8]? = nil, at place: String) throws(FormatError) {
    let part = Part(json, place)
    if json.isNull {
      self = .identity
      return
    }
    switch try part.type() {
    case "Sequence":
      var steps: [Normalizer] = []
      for (index, step) in try part.array("normalizers").enumerated() {
        // Depth is bounded by what JSON may nest.
        steps.append(
          try Normalizer(parsing: step, map: map, at: "\(place).normalizers[\(index)]"))
      }
      self = .sequence(steps)
    case "NFC": self = .composed
    case "Lowercase": self = .lowercase(finalSigma: try part.bool("final_sigma", or: false))
    case "Replace":
      self = .replace(
        try Pattern(parsing: part), with: try part.string("content").unicodeScalars.map(\.value))
    case "Strip":
      self = .strip(
        left: try part.bool("strip_left", or: true), right: try part.bool("strip_right", or: true))
    case "Prepend":
      self = .prepend(
        try part.string("prepend").unicodeScalars.map(\.value),
        onlyFirst: try part.bool("first", or: false))
    case "Precompiled":
      let bytes = if let map { map } else { try Self.decoded(part) }
      self = .precompiled(try CharacterMap(parsing: bytes))
    case "BertNormalizer":
      self = .bert(
        BertNormalizer(
          cleansText: try part.bool("clean_text", or: true),
          handlesChinese: try part.bool("handle_chinese_chars", or: true),
          stripsAccents: json["strip_accents"]?.bool,
          lowercases: try part.bool("lowercase", or: true)))
    case let other: throw part.unknown(other)
    }
    try checkLimits(at: place)
  }

  private static func decoded(_ part: Part) throws(FormatError) -> [UInt8] {
    let text = try part.string("precompiled_charsmap")
    do throws(FormatError) {
      return try Base64.decode(Array(text.utf8))
    } catch {
      throw error.within("\(part.place).precompiled_charsmap")
    }
  }

  /// The normalizer as a pack holds it.
  var json: JSON {
    switch self {
    case .sequence(let steps):
      ["type": "Sequence", "normalizers": .array(steps.map(\.json))]
    case .composed: ["type": "NFC"]
    case .lowercase(let finalSigma):
      finalSigma ? ["type": "Lowercase", "final_sigma": true] : ["type": "Lowercase"]
    case .replace(let pattern, let content):
      ["type": "Replace", "pattern": pattern.json, "content": .string(String(scalars: content))]
    case .strip(let left, let right):
      ["type": "Strip", "strip_left": .bool(left), "strip_right": .bool(right)]
    case .prepend(let content, let onlyFirst):
      onlyFirst
        ? ["type": "Prepend", "prepend": .string(String(scalars: content)), "first": true]
        : ["type": "Prepend", "prepend": .string(String(scalars: content))]
    case .precompiled: ["type": "Precompiled"]
    case .bert(let bert):
      [
        "type": "BertNormalizer", "clean_text": .bool(bert.cleansText),
        "handle_chinese_chars": .bool(bert.handlesChinese),
        "strip_accents": bert.stripsAccents.map { .bool($0) } ?? .null,
        "lowercase": .bool(bert.lowercases),
      ]
    }
  }

  /// The table of `Precompiled`, if there is one.
  var map: CharacterMap? {
    switch self {
    case .sequence(let steps): steps.lazy.compactMap(\.map).first
    case .precompiled(let map): map
    default: nil
    }
  }
}

extension Pattern {
  /// Reads `{"String": …}` or `{"Regex": …}`.
  init(parsing part: Part) throws(FormatError) {
    let pattern = part.json["pattern"] ?? .null
    if let text = pattern["String"]?.string {
      self = .string(text.unicodeScalars.map(\.value))
      return
    }
    guard let text = pattern["Regex"]?.string else {
      throw FormatError(
        .invalidField, "\(part.place).pattern is \(pattern.excerpt), a String or a Regex is needed")
    }
    guard let expression = Expression.all.first(where: { $0.text.utf8.elementsEqual(text.utf8) })
    else {
      throw FormatError(
        .unsupported,
        "\(part.place).pattern is the expression \(JSON.string(text).excerpt), which is not among "
          + "those that are known: "
          + Expression.all.map { JSON.quoted($0.text) }.joined(separator: " "))
    }
    self = .expression(expression)
  }

  var json: JSON {
    switch self {
    case .string(let scalars): ["String": .string(String(scalars: scalars))]
    case .expression(let expression): ["Regex": .string(expression.text)]
    }
  }
}

extension String {
  init(scalars: some Sequence<UInt32>) {
    self.init(String.UnicodeScalarView(scalars.compactMap { Unicode.Scalar($0) }))
  }
}
