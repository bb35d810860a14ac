public import Bytes

/// How a pack holds a tokenizer: the section `tokenizer`, and where its `type` is `pipeline` the
/// section `tokenizer_tables` too. `Formats/clippack.md`, section 7.1.
extension Tokenizer {
  static let pipelineType = "pipeline"

  /// The section `tokenizer`.
  public var json: JSON { clip.map { clipJSON($0) } ?? pipeline.json }

  /// The section `tokenizer_tables`; `nil` for CLIP's tokenizer, whose JSON says all.
  public var tables: [UInt8]? { clip == nil ? pipeline.tables : nil }

  /// Reads what `json` and `tables` write.
  ///
  /// - Throws: `unsupported` for another type, `invalidField` for a member that is missing or of
  ///   another kind, and what the parts throw.
  public init(decoding json: JSON, tables: [UInt8]? = nil) throws(FormatError) {
    let tables = tables ?? []
    try unsafe self.init(decoding: json, tables: tables.span.bytes)
  }

  /// Reads what `json` and `tables` write.
  ///
  /// - Parameter tables: the section `tokenizer_tables`; empty where there is none.
  public init(decoding json: JSON, tables: RawSpan) throws(FormatError) {
    switch json["type"]?.string {
    case Self.clipType: try self.init(clip: json)
    case Self.pipelineType: try self.init(pipeline: json, tables)
    default:
      let found = json["type"].map { "\($0)" } ?? "missing"
      throw FormatError(
        .unsupported,
        "the tokenizer's type is \(found), not \"\(Self.clipType)\" or \"\(Self.pipelineType)\"")
    }
  }

  private init(pipeline json: JSON, _ bytes: RawSpan) throws(FormatError) {
    let places = try TablePlaces(parsing: json["tables"], count: bytes.byteCount)
    let map: [UInt8]? =
      try places.has(.charsmap) ? bytes.extracting(places.range(.charsmap)).array : nil
    let preTokenizer = try PreTokenizer(
      parsing: json["pre_tokenizer"] ?? .null, at: "pre_tokenizer")
    let model = try Model(
      decoding: Part(json["model"] ?? .null, "model"), places, bytes,
      isByteLevel: preTokenizer.isByteLevel)
    var added: [(token: AddedToken, id: Int32)] = []
    for (index, token) in try Part(json, "tokenizer").array("added_tokens").enumerated() {
      let place = "added_tokens[\(index)]"
      guard let id = try Part(token, place).id("id", below: Vocabulary.maximumCount) else {
        throw Tokenizer.missing("\(place).id", "an integer")
      }
      added.append((try AddedToken(parsing: token, place), id))
    }
    let count = max(model.vocabulary.count, (added.map { Int($0.id) }.max() ?? -1) + 1)
    let post = Part(json["post_processor"] ?? .null, "post_processor")
    let template = Template(
      before: try post.ids("before", below: count), after: try post.ids("after", below: count),
      endsOnce: try post.bool("ends_once", or: false))
    try template.checkLimits(at: post.place)
    let padding = Part(json["padding"] ?? .null, "padding")
    self.init(
      try Normalizer(parsing: json["normalizer"] ?? .null, map: map ?? [], at: "normalizer"),
      preTokenizer, model, template, added: added,
      padding: Padding(
        id: try padding.id("id", below: count), isToLimit: try padding.bool("to_limit", or: false),
        isLeft: try padding.bool("left", or: false)))
    guard paddingRule.id != nil || !paddingRule.isToLimit else {
      throw FormatError(
        .inconsistent, "texts are padded to the limit, and padding.id is missing")
    }
  }

  private var pipeline: (json: JSON, tables: [UInt8]) {
    var tables = Tables()
    let model = model.written(to: &tables)
    if let map = normalizer.map { tables.append(.charsmap, map.bytes) }
    let json: JSON = [
      "type": .string(Self.pipelineType),
      "normalizer": normalizer.json,
      "pre_tokenizer": preTokenizer.json,
      "model": model,
      "post_processor": [
        "before": .array(template.before.map { .integer(Int($0)) }),
        "after": .array(template.after.map { .integer(Int($0)) }),
        "ends_once": .bool(template.endsOnce),
      ],
      "added_tokens": .array(added.map { $0.token.json(id: $0.id) }),
      "padding": [
        "id": paddingRule.id.map { .integer(Int($0)) } ?? .null,
        "to_limit": .bool(paddingRule.isToLimit), "left": .bool(paddingRule.isLeft),
      ],
      "tables": .object(tables.sizes),
    ]
    return (json, tables.bytes)
  }
}

extension Model {
  /// Reads what `written(to:)` writes.
  init(
    decoding part: Part, _ places: TablePlaces, _ bytes: RawSpan, isByteLevel: Bool
  ) throws(FormatError) {
    let vocabulary = try Vocabulary(places, bytes, searchable: part.integer("searchable"))
    let unknown = try part.id("unk_id", below: vocabulary.count)
    func required() throws(FormatError) -> Int32 {
      guard let unknown else { throw part.missing("unk_id", "an id") }
      return unknown
    }
    switch try part.type() {
    case "BPE":
      let merges = try Merges(places, bytes, count: vocabulary.count)
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
      let scores = try places.values(.scores, UInt64.self, in: bytes).map {
        Double(bitPattern: $0)
      }
      guard scores.count == vocabulary.count, scores.allSatisfy(\.isFinite) else {
        throw FormatError(
          .inconsistent,
          "there are \(scores.count) scores, \(vocabulary.count) finite numbers are needed")
      }
      guard let arithmetic = Unigram.Arithmetic(rawValue: try part.string("arithmetic")) else {
        throw part.missing("arithmetic", "\"float32\" or \"float64\"")
      }
      let prefix = try part.string("prefix")
      guard prefix.utf8.count <= Vocabulary.maximumLength else {
        throw part.missing("prefix", "at most \(Vocabulary.maximumLength) bytes")
      }
      self = .unigram(
        Unigram(
          vocabulary, scores: scores, unknown: try required(),
          unknownScore: try part.number("unk_score"), arithmetic: arithmetic,
          hasByteFallback: try part.bool("byte_fallback", or: false), prefix: prefix))
    case "WordPiece":
      self = .wordPiece(
        WordPiece(
          vocabulary: vocabulary, unknown: try required(),
          continuation: try part.string("continuing_subword_prefix"),
          maximumLength: try part.integer("max_input_chars_per_word")))
    case let other: throw part.unknown(other)
    }
  }

  /// The member `model`; tables are appended.
  func written(to tables: inout Tables) -> JSON {
    vocabulary.append(to: &tables)
    var json = JSON.Object([
      ("type", .string(type)), ("searchable", .integer(vocabulary.order?.searchable ?? 0)),
    ])
    switch self {
    case .bytePairEncoding(let model):
      json["unk_id"] = model.unknown.map { .integer(Int($0)) } ?? .null
      json["fuse_unk"] = .bool(model.fusesUnknown)
      json["byte_fallback"] = .bool(model.hasByteFallback)
      json["ignore_merges"] = .bool(model.ignoresMerges)
      model.merges.append(to: &tables)
    case .unigram(let model):
      json["unk_id"] = .integer(Int(model.unknown))
      json["unk_score"] = .number(model.unknownScore)
      json["arithmetic"] = .string(model.arithmetic.rawValue)
      json["byte_fallback"] = .bool(model.bytes != nil)
      json["prefix"] = .string(String(decoding: model.prefix, as: UTF8.self))
      tables.append(.scores, integers: model.scores.map(\.bitPattern))
    case .wordPiece(let model):
      json["unk_id"] = .integer(Int(model.unknown))
      json["continuing_subword_prefix"] = .string(model.continuation)
      json["max_input_chars_per_word"] = .integer(model.maximumLength)
    }
    return .object(json)
  }
}

extension Merges {
  /// Reads the table `merges`: left ids, right ids and ranks in ascending order of left and right,
  /// then the results in the order of ranks.
  init(_ places: TablePlaces, _ bytes: RawSpan, count: Int) throws(FormatError) {
    _ = try places.range(.merges, of: 16)
    let values = try places.values(.merges, Int32.self, in: bytes)
    let size = values.count / 4
    try self.init(
      left: values[..<size], right: values[size..<2 * size], ranks: values[2 * size..<3 * size],
      results: Array(values[(3 * size)...]), count: count)
  }

  /// Column by column, which entropy coding likes better than row by row.
  func append(to tables: inout Tables) {
    let entries = entries
    let results = entries.sorted { $0.rank < $1.rank }.map(\.result)
    tables.append(
      .merges,
      integers: entries.map(\.left) + entries.map(\.right) + entries.map(\.rank) + results)
  }
}
