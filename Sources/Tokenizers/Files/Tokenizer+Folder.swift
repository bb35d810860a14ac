internal import Bytes
public import SystemPackage

extension Tokenizer {
  /// Reads the tokenizer of a checkpoint's folder, from the files that transformers would take.
  ///
  /// `tokenizer.json`; or else CLIP's `vocab.json` and `merges.txt`, a SentencePiece model, BERT's
  /// `vocab.txt`, or OpenAI's `bpe_simple_vocab_16e6.txt`. Special tokens and how they are sought
  /// come from `tokenizer_config.json`, and if that does not list them, from
  /// `special_tokens_map.json`, `added_tokens.json` and `tokenizer.json`. All of these may be
  /// missing: then the names are the kind's own. Where two files disagree about the same thing,
  /// `notes` says which was used.
  ///
  /// - Throws: `FileError` for a file that cannot be read; `FormatError`, which names the file.
  public init(folder: FilePath) throws {
    let files = FolderFiles(folder)
    let context = try FolderContext(files)
    let isPython = context.isSiglip && files.has(Self.sentencePieceNames[0])
    if files.has("tokenizer.json"), !isPython {
      let bytes = try files.bytes("tokenizer.json")
      self = try FolderFiles.naming("tokenizer.json") { () throws(FormatError) in
        try Tokenizer(file: TokenizerFile(bytes.span), context)
      }
      if let other = try files.json("vocab.json"), differs(from: other) {
        notes.append(
          "tokenizer.json and vocab.json have other ids for the same tokens; tokenizer.json "
            + "counts, as in transformers")
      }
    } else if let name = Self.sentencePieceNames.first(where: { files.has($0) }) {
      let bytes = try files.bytes(name)
      self = try FolderFiles.naming(name) { () throws(FormatError) in
        try Tokenizer(SentencePieceModel(parsing: bytes), context)
      }
      if files.has("tokenizer.json") {
        notes.append(
          "texts become ids as in transformers' SiglipTokenizer, from \(name); the tokenizer.json "
            + "beside it, which has other rules, is left out")
      }
    } else if files.has("vocab.json") {
      self = try Self.clip(files, context)
    } else if files.has("vocab.txt") {
      let bytes = try files.bytes("vocab.txt")
      self = try FolderFiles.naming("vocab.txt") { () throws(FormatError) in
        try Tokenizer(bertVocabulary: bytes.span, context)
      }
    } else if files.has(Self.simpleVocabulary) {
      let bytes = try files.bytes(Self.simpleVocabulary)
      self = try FolderFiles.naming(Self.simpleVocabulary) { () throws(FormatError) in
        try Tokenizer(parsingSimpleVocabulary: bytes.span)
      }
    } else {
      throw FileError(
        "read a tokenizer from", folder,
        "it has no tokenizer.json, no vocab.json with merges.txt, no spiece.model and no "
          + "vocab.txt; copy them from the model's repository")
    }
  }

  /// Whether a `vocab.json` has another id for one of its tokens.
  private func differs(from json: JSON) -> Bool {
    guard let object = json.object else { return true }
    return object.keys.contains { token in
      guard let id = object[token]?.int, 0..<vocabulary.count ~= id else { return true }
      return !vocabulary[Int32(id)].utf8.elementsEqual(token.utf8)
    }
  }

  static let simpleVocabulary = "bpe_simple_vocab_16e6.txt"
  static let sentencePieceNames = ["spiece.model", "sentencepiece.bpe.model", "tokenizer.model"]

  private static func clip(_ files: FolderFiles, _ context: FolderContext) throws -> Tokenizer {
    let settings = context.settings
    let json = try files.json("vocab.json") ?? .null
    let vocabulary = try FolderFiles.naming("vocab.json") { () throws(FormatError) in
      try Vocabulary(ids: TokenizerFile.joined(Self.ids(json, "the vocabulary"), settings.added))
    }
    let merges = try files.bytes("merges.txt")
    return try FolderFiles.naming("merges.txt") { () throws(FormatError) in
      try Tokenizer(
        vocabulary, Merges(parsing: merges.span, vocabulary), settings.clip, settings.all)
    }
  }

  /// A tokenizer from a `tokenizer.json` and what stands beside it.
  init(file: TokenizerFile, _ context: FolderContext) throws(FormatError) {
    var settings = context.settings
    if !context.listsTokens { settings.add(file.added) }
    guard file.isCLIP else {
      self = try Self.pipeline(file, context)
      return
    }
    try file.checkCLIP()
    let vocabulary = try Vocabulary(ids: TokenizerFile.joined(file.ids, settings.added))
    var merges = Merges()
    for (left, right) in file.merges {
      try merges.append(left.utf8Span.span, right.utf8Span.span, vocabulary)
    }
    try self.init(vocabulary, merges, settings.clip, settings.all)
  }
}

/// What the files beside a vocabulary say.
struct FolderContext {
  var settings = Settings()
  /// Whether `tokenizer_config.json` lists the added tokens, which then count.
  var listsTokens = false
  /// `tokenizer_config.json`
  var config: JSON = [:]
  /// What the model itself is: `model_type` of `config.json`.
  var modelType = ""
  /// `text_cfg` of `open_clip_config.json`, or of open_clip's bare configuration.
  var openCLIP: JSON?

  init() {}

  init(_ files: FolderFiles) throws {
    let config = try files.json("tokenizer_config.json")
    try FolderFiles.naming("tokenizer_config.json") { () throws(FormatError) in
      try settings.read(config ?? [:])
    }
    self.config = config ?? [:]
    listsTokens = config?["added_tokens_decoder"]?.object != nil
    if !listsTokens {
      let map = try files.json("special_tokens_map.json")
      try FolderFiles.naming("special_tokens_map.json") { () throws(FormatError) in
        try settings.read(map ?? [:])
      }
      let more = try files.json("added_tokens.json")
      try FolderFiles.naming("added_tokens.json") { () throws(FormatError) in
        try settings.add(more ?? [:])
      }
    }
    modelType = try files.json("config.json")?["model_type"]?.string ?? ""
    let open = try files.json("open_clip_config.json")
    openCLIP = (open?["model_cfg"] ?? open)?["text_cfg"]
  }

  /// The class that `tokenizer_config.json` names, without `Fast` at its end.
  var tokenizerClass: String {
    let name = config["tokenizer_class"]?.string ?? ""
    return name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
  }
}
