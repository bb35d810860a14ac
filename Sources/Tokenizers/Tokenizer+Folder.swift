internal import Bytes
public import SystemPackage

extension Tokenizer {
  /// Reads the tokenizer of a checkpoint's folder, from the files that transformers would take.
  ///
  /// `tokenizer.json`, or else `vocab.json` and `merges.txt`, or else OpenAI's
  /// `bpe_simple_vocab_16e6.txt`. Special tokens and how they are sought come from
  /// `tokenizer_config.json`, and if that does not list them, from `special_tokens_map.json`,
  /// `added_tokens.json` and `tokenizer.json`. All of these may be missing: then the names are
  /// CLIP's and the padding is the end token.
  ///
  /// - Throws: `FileError` for a file that cannot be read; `FormatError`, which names the file.
  public init(folder: FilePath) throws {
    let files = FolderFiles(folder)
    var settings = Settings()
    let config = try files.json("tokenizer_config.json")
    try Self.naming("tokenizer_config.json") { () throws(FormatError) in
      try settings.read(config ?? [:])
    }
    let listed = config?["added_tokens_decoder"]?.object != nil
    if !listed {
      let map = try files.json("special_tokens_map.json")
      try Self.naming("special_tokens_map.json") { () throws(FormatError) in
        try settings.read(map ?? [:])
      }
      let more = try files.json("added_tokens.json")
      try Self.naming("added_tokens.json") { () throws(FormatError) in
        try settings.add(more ?? [:])
      }
    }
    if files.has("tokenizer.json") {
      let json = try files.json("tokenizer.json") ?? .null
      self = try Self.naming("tokenizer.json") { () throws(FormatError) in
        var file = try TokenizerFile(json)
        if !listed { settings.add(file.added) }
        file.ids = try TokenizerFile.joined(file.ids, settings.added)
        return try Tokenizer(file, settings.special, settings.all)
      }
    } else if files.has("vocab.json") {
      let json = try files.json("vocab.json") ?? .null
      let vocabulary = try Self.naming("vocab.json") { () throws(FormatError) in
        try Vocabulary(
          ids: TokenizerFile.joined(Self.ids(json, "the vocabulary"), settings.added))
      }
      let merges = try files.bytes("merges.txt")
      self = try Self.naming("merges.txt") { () throws(FormatError) in
        try Tokenizer(
          vocabulary, Merges(parsing: merges.span, vocabulary), settings.special, settings.all)
      }
    } else if files.has(Self.simpleVocabulary) {
      let bytes = try files.bytes(Self.simpleVocabulary)
      self = try Self.naming(Self.simpleVocabulary) { () throws(FormatError) in
        try Tokenizer(parsingSimpleVocabulary: bytes.span)
      }
    } else {
      throw FileError(
        "read a tokenizer from", folder,
        "it has neither tokenizer.json nor vocab.json with merges.txt; copy them from the model's "
          + "repository")
    }
  }

  static let simpleVocabulary = "bpe_simple_vocab_16e6.txt"

  /// Puts a file's name before what is wrong with it.
  private static func naming<Result>(
    _ name: String, _ body: () throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    do {
      return try body()
    } catch {
      var error = error
      error.reason = "\(name): \(error.reason)"
      throw error
    }
  }

  /// The files of one folder.
  private struct FolderFiles {
    let folder: FilePath
    init(_ folder: FilePath) { self.folder = folder }

    func has(_ name: String) -> Bool { FileKind(of: folder.appending(name)) == .file }

    func bytes(_ name: String) throws -> [UInt8] {
      let file = try MappedFile(folder.appending(name))
      return unsafe file.bytes.withUnsafeBytes { unsafe Array($0) }
    }

    /// `nil` where there is no such file.
    func json(_ name: String) throws -> JSON? {
      guard has(name) else { return nil }
      let bytes = try bytes(name)
      return try Tokenizer.naming(name) { () throws(FormatError) in
        try JSON(parsing: bytes.span)
      }
    }
  }

  /// Special and added tokens, as they become known from one file after the other.
  private struct Settings {
    var special = SpecialTokens()
    var added: [(token: AddedToken, id: Int)] = []
    /// Special tokens that say how they are sought.
    private var described: [AddedToken] = []

    /// Added tokens, first those with ids.
    var all: [AddedToken] {
      let names = Set([special.start, special.end, special.unknown, special.padding])
      let known = Set(added.map(\.token.content))
      return added.map(\.token)
        + described.filter { names.contains($0.content) && !known.contains($0.content) }
    }

    /// The special tokens of `tokenizer_config.json` or `special_tokens_map.json`; a later file
    /// prevails.
    mutating func read(_ json: JSON) throws(FormatError) {
      try read(json, "bos_token", into: \.start)
      try read(json, "eos_token", into: \.end)
      try read(json, "unk_token", into: \.unknown)
      special.padding = json["pad_token"]?.isNull == true ? special.end : special.padding
      try read(json, "pad_token", into: \.padding)
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

    private mutating func read(
      _ json: JSON, _ name: String, into field: WritableKeyPath<SpecialTokens, String>
    ) throws(FormatError) {
      guard let value = json[name], !value.isNull else { return }
      if let text = value.string {
        special[keyPath: field] = text
        // A plain name takes back what an earlier file said of the same token.
        described.removeAll { $0.content == text }
        return
      }
      var object = value.object ?? JSON.Object()
      if object["special"] == nil { object["special"] = true }
      let token = try AddedToken(parsing: .object(object), name)
      special[keyPath: field] = token.content
      described.removeAll { $0.content == token.content }
      described.append(token)
    }

    /// The tokens of the older `added_tokens.json`, ids by token.
    mutating func add(_ json: JSON) throws(FormatError) {
      let names = [special.start, special.end, special.unknown, special.padding]
      for (token, id) in try Tokenizer.ids(json, "the file") {
        added.append((AddedToken(token, isNormalized: !names.contains(token)), id))
      }
    }

    /// The added tokens of `tokenizer.json`, which prevail.
    mutating func add(_ tokens: [(token: AddedToken, id: Int)]) {
      let names = Set(tokens.map(\.token.content))
      added.removeAll { names.contains($0.token.content) }
      added += tokens
    }
  }
}
