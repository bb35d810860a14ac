internal import Bytes

/// Reading the `tokenizer.json` of the tokenizers library.
extension Tokenizer {
  /// A tokenizer of any kind but CLIP's.
  ///
  /// - Throws: `unsupported` for a part or an option that is not known, by its type and place.
  static func pipeline(
    _ file: TokenizerFile, _ context: FolderContext
  ) throws(FormatError) -> Tokenizer {
    try file.checkMembers()
    var notes: [String] = []
    let preTokenizer = try PreTokenizer(
      parsing: file.members["pre_tokenizer"] ?? .null, at: "pre_tokenizer")
    let model = try Model(file, isByteLevel: preTokenizer.isByteLevel)
    let added = try context.added(file, model, &notes)
    var normalizer = try Normalizer(parsing: file.members["normalizer"] ?? .null, at: "normalizer")
    normalizer = context.adjusted(normalizer, &notes)
    let count = max(model.vocabulary.count, (added.map { Int($0.id) }.max() ?? -1) + 1)
    let template = try Template(
      parsing: file.members["post_processor"] ?? .null, at: "post_processor", below: count)
    let padding = file.members["padding"] ?? .null
    var rule = Padding(
      id: try Part(padding, "padding").id("pad_id", below: count),
      isToLimit: padding["strategy"]?["Fixed"] != nil || context.padsToLimit,
      isLeft: context.config["padding_side"]?.string == "left")
    if let name = context.settings.special[.padding] {
      rule.id = added.first { $0.token.content == name }?.id ?? model.vocabulary.idOfAny(name)
    }
    rule.isToLimit = rule.isToLimit && rule.id != nil
    var result = Tokenizer(normalizer, preTokenizer, model, template, added: added, padding: rule)
    result.notes = notes
    return result
  }
}

extension TokenizerFile {
  private static let known = [
    "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
  ]
  private static let knownOfModel = [
    "type", "dropout", "unk_token", "unk_id", "continuing_subword_prefix", "end_of_word_suffix",
    "fuse_unk", "byte_fallback", "ignore_merges", "max_input_chars_per_word",
  ]

  /// Refuses members that are not known.
  func checkMembers() throws(FormatError) {
    for (keys, known, place) in [
      (members.keys, Self.known, ""), (model.keys, Self.knownOfModel, "model."),
    ] {
      for key in keys where !known.contains(key) {
        throw FormatError(
          .unsupported, "the member \(JSON.string(place + key).excerpt) is not known")
      }
    }
    if let direction = members["truncation"]?["direction"], direction != "Right" {
      throw FormatError(
        .unsupported, "truncation.direction is \(direction.excerpt), \"Right\" is known")
    }
  }
}

extension Model {
  init(_ file: TokenizerFile, isByteLevel: Bool) throws(FormatError) {
    let part = Part(.object(file.model), "model")
    try part.refuse("dropout", unless: [.null, 0, 0.0])
    // Files older than 2021 do not name the type.
    switch file.model["type"]?.string
      ?? (file.pieces.isEmpty ? file.merges.isEmpty ? "WordPiece" : "BPE" : "Unigram")
    {
    case "BPE":
      try part.refuse("continuing_subword_prefix", unless: [.null, ""])
      try part.refuse("end_of_word_suffix", unless: [.null, ""])
      guard file.hasMerges else { throw Tokenizer.missing("model.merges", "an array") }
      let hashed = try file.vocabulary()
      var merges = Merges()
      for (left, right) in file.merges {
        try merges.append(left.utf8Span.span, right.utf8Span.span, hashed)
      }
      merges.seal(hashed)
      let vocabulary = try hashed.sorted()
      let unknown = try part.unknownToken(in: vocabulary)
      var model =
        isByteLevel
        ? BytePairEncoding.byteLevel(vocabulary, merges, unknown: unknown, endOfWord: false)
        : .scalars(
          vocabulary, merges, unknown: unknown,
          fusesUnknown: try part.bool("fuse_unk", or: false),
          byteFallback: try part.bool("byte_fallback", or: false))
      model.ignoresMerges = try part.bool("ignore_merges", or: false)
      self = .bytePairEncoding(model)
    case "Unigram":
      guard file.hasVocabulary, file.ids.isEmpty else {
        throw Tokenizer.missing("model.vocab", "an array of pieces with scores")
      }
      let vocabulary = try Vocabulary(file.pieces.map(\.piece)).sorted()
      guard let unknown = try part.id("unk_id", below: vocabulary.count) else {
        throw part.missing("unk_id", "an id")
      }
      let scores = file.pieces.map(\.score)
      self = .unigram(
        Unigram(
          vocabulary, scores: scores, unknown: unknown,
          unknownScore: Unigram.unknownScore(scores, .double), arithmetic: .double,
          hasByteFallback: try part.bool("byte_fallback", or: false)))
    case "WordPiece":
      let vocabulary = try file.vocabulary().sorted()
      guard let unknown = try part.unknownToken(in: vocabulary) else {
        throw part.missing("unk_token", "a token")
      }
      let length = file.model["max_input_chars_per_word"] ?? 100
      guard let length = length.int, 0...1000 ~= length else {
        throw part.missing("max_input_chars_per_word", "a number from 0 to 1000")
      }
      self = .wordPiece(
        WordPiece(
          vocabulary: vocabulary, unknown: unknown,
          continuation: file.model["continuing_subword_prefix"]?.string ?? "##",
          maximumLength: length))
    case let other: throw part.unknown(other)
    }
  }
}

extension TokenizerFile {
  /// The model's tokens, with added ones where ids would have gaps without them.
  fileprivate func vocabulary() throws(FormatError) -> Vocabulary {
    guard hasVocabulary, pieces.isEmpty else {
      throw Tokenizer.missing("model.vocab", "an object of ids by token")
    }
    let hasGaps = (ids.map(\.value).max() ?? 0) >= ids.count
    return try Vocabulary(ids: hasGaps ? Self.joined(ids, added) : ids)
  }
}

extension Part {
  fileprivate func unknownToken(in vocabulary: Vocabulary) throws(FormatError) -> Int32? {
    guard let value = json["unk_token"], !value.isNull else { return nil }
    guard let token = value.string, let id = vocabulary.idOfAny(token) else {
      throw FormatError(
        .inconsistent, "\(place).unk_token is \(value.excerpt), which is not in the vocabulary")
    }
    return id
  }
}

extension Template {
  /// Reads a `post_processor`, of which what it does to one text counts.
  init(parsing json: JSON, at place: String, below count: Int) throws(FormatError) {
    let part = Part(json, place)
    if json.isNull { return }
    switch try part.type() {
    case "TemplateProcessing": try read(part, count)
    case "RobertaProcessing", "BertProcessing":
      before = [try Self.id(json["cls"], "\(place).cls", count)]
      after = [try Self.id(json["sep"], "\(place).sep", count)]
    case "ByteLevel": break
    case "Sequence":
      for (index, step) in try part.array("processors").enumerated() {
        let inner = try Template(
          parsing: step, at: "\(place).processors[\(index)]", below: count)
        before = inner.before + before
        after += inner.after
      }
    case let other: throw part.unknown(other)
    }
    try checkLimits(at: place)
  }

  private mutating func read(_ part: Part, _ count: Int) throws(FormatError) {
    var isAfter = false
    for (index, item) in try part.array("single").enumerated() {
      let place = "\(part.place).single[\(index)]"
      if let name = item["SpecialToken"]?["id"]?.string {
        let token = part.json["special_tokens"]?[name] ?? .null
        let ids = try Part(token, "\(part.place).special_tokens").ids("ids", below: count)
        if isAfter { after += ids } else { before += ids }
      } else if item["Sequence"]?["id"]?.string == "A", !isAfter {
        isAfter = true
      } else {
        throw FormatError(
          .unsupported, "\(place) is \(item.description), a token or the sequence A once is known")
      }
    }
    guard isAfter else { throw part.missing("single", "a template with the sequence A") }
  }

  private static func id(_ json: JSON?, _ place: String, _ count: Int) throws(FormatError) -> Int32
  {
    guard let pair = json?.array, pair.count == 2, let id = pair[1].int, 0..<count ~= id else {
      throw FormatError(
        .invalidField, "\(place) is missing or is not a token with its id below \(count)")
    }
    return Int32(id)
  }
}
