internal import Bytes

/// Tokenizers whose vocabulary is a model of SentencePiece. The model's own rules count: its
/// replacements by longest match, scores added in single precision, and a text taken as a whole.
extension Tokenizer {
  /// - Throws: `unsupported` for a class of tokenizers that is not known, `inconsistent` where the
  ///   model lacks a token that the class needs.
  init(_ model: SentencePieceModel, _ context: FolderContext) throws(FormatError) {
    guard !model.marksSpaceAfter, model.escapesSpaces else {
      throw FormatError(
        .unsupported,
        "the model marks spaces after words or not at all, only before words is known")
    }
    switch try context.sentencePieceClass(model) {
    case .siglip: try self.init(siglip: model, context)
    case .fairseq: try self.init(fairseq: model, context)
    case .plain: try self.init(plain: model, context)
    }
  }

  /// transformers' `SiglipTokenizer`: texts lose punctuation and capitals first, and are read with
  /// the padding.
  private init(siglip model: SentencePieceModel, _ context: FolderContext) throws(FormatError) {
    let table = try SentencePieceTable(model, order: model.pieces)
    func id(_ role: Settings.Role, _ name: String) throws(FormatError) -> Int32 {
      let name = context.settings.special[role] ?? name
      guard let id = table.vocabulary.idOfAny(name) else { throw Self.lacks(name) }
      return id
    }
    let end = try id(.end, "</s>")
    let unknown = try id(.unknown, "<unk>")
    let padding = try id(.padding, "</s>")
    var added = context.listed
    for id in [end, unknown, padding] where !added.contains(where: { $0.id == id }) {
      var token = AddedToken(table.vocabulary[id])
      token.stripsLeft = true
      token.stripsRight = true
      added.append((token, id))
    }
    let lowercases = context.config["do_lower_case"]?.bool ?? true
    guard model.algorithm == .unigram, model.addsDummyPrefix, model.removesExtraSpaces else {
      throw FormatError(
        .unsupported,
        "SiglipTokenizer needs a unigram model that adds a space before texts and removes others")
    }
    self.init(
      .siglip(lowercases: lowercases, map: try model.characterMap), .identity,
      .unigram(table.unigram(model, prefix: "\u{2581}<unk>")),
      Template(after: [end], endsOnce: true), added: added,
      padding: Padding(id: padding, isToLimit: true))
  }

  /// XLM-R's and NLLB's: fairseq put four tokens of its own in place of SentencePiece's three.
  private init(fairseq model: SentencePieceModel, _ context: FolderContext) throws(FormatError) {
    let specials = ["<s>", "<pad>", "</s>", "<unk>"]
    guard model.pieces.count > 3,
      ["<unk>", "<s>", "</s>"].allSatisfy({ name in
        model.pieces[..<3].contains { $0.text == name }
      })
    else {
      throw FormatError(
        .inconsistent, "the first three pieces are not <unk>, <s> and </s>, as fairseq needs them")
    }
    let isNLLB = model.algorithm == .bytePairEncoding
    var pieces = specials.map {
      SentencePieceModel.Piece(text: $0, kind: $0 == "<unk>" ? .unknown : .control)
    }
    pieces += model.pieces[3...]
    if !isNLLB { pieces.append(.init(text: "<mask>", kind: .control)) }
    let table = try SentencePieceTable(model, order: pieces)
    var added = context.listed
    for name in specials + (isNLLB ? [] : ["<mask>"]) {
      guard let id = table.vocabulary.idOfAny(name), !added.contains(where: { $0.id == id }) else {
        continue
      }
      var token = AddedToken(name)
      token.stripsLeft = name == "<mask>"
      added.append((token, id))
    }
    var before: Int32 = 0
    if isNLLB {
      let language = context.config["src_lang"]?.string ?? "eng_Latn"
      guard let code = added.first(where: { $0.token.content == language }) else {
        throw FormatError(
          .inconsistent,
          "the code of the language \(Vocabulary.quoted(language)) is not among the "
            + "added_tokens_decoder of tokenizer_config.json; tokenizer.json has it too")
      }
      before = code.id
    }
    self.init(
      .sentencePiece(model, map: try model.characterMap), .identity, try table.model(model),
      Template(before: [before], after: [2]), added: added,
      padding: Padding(id: 1, isLeft: context.padsLeft))
  }

  /// T5's and Gemma's: ids as the model has them.
  private init(plain model: SentencePieceModel, _ context: FolderContext) throws(FormatError) {
    let table = try SentencePieceTable(model, order: model.pieces)
    let isT5 = context.tokenizerClass == "T5Tokenizer"
    func id(_ role: Settings.Role, _ names: [String]) -> Int32? {
      let names = context.settings.special[role].map { [$0] } ?? names
      return names.lazy.compactMap { table.vocabulary.idOfAny($0) }.first
    }
    let start = id(.start, ["<bos>", "<s>"])
    let end = id(.end, ["<eos>", "</s>"])
    var template = Template()
    if context.config["add_bos_token"]?.bool ?? !isT5 {
      guard let start else { throw Self.lacks("bos_token") }
      template.before = [start]
    }
    if context.config["add_eos_token"]?.bool ?? isT5 {
      guard let end else { throw Self.lacks("eos_token") }
      template.after = [end]
    }
    var added = context.listed
    let known = Set(added.map(\.id))
    for (id, piece) in model.pieces.enumerated()
    where piece.kind == .control || piece.kind == .userDefined {
      if known.contains(Int32(id)) { continue }
      var token = AddedToken(piece.text)
      token.isSpecial = piece.kind == .control
      added.append((token, Int32(id)))
    }
    var normalizer = Normalizer.sentencePiece(model, map: try model.characterMap)
    if context.tokenizerClass == "Siglip2Tokenizer" || context.modelType.hasPrefix("siglip2") {
      normalizer = .sequence([.lowercase(finalSigma: false), normalizer])
    }
    let padding = id(.padding, ["<pad>"])
    self.init(
      normalizer, .identity, try table.model(model), template, added: added,
      padding: Padding(
        id: padding, isToLimit: context.padsToLimit && padding != nil, isLeft: context.padsLeft))
  }

  private static func lacks(_ name: String) -> FormatError {
    FormatError(
      .inconsistent, "the model has no piece \(Vocabulary.quoted(name)), which its class needs")
  }
}

extension FolderContext {
  /// How transformers' classes number a SentencePiece model's pieces.
  enum SentencePieceClass { case siglip, fairseq, plain }

  func sentencePieceClass(
    _ model: SentencePieceModel
  ) throws(FormatError) -> SentencePieceClass {
    switch tokenizerClass {
    case "SiglipTokenizer": return .siglip
    case "XLMRobertaTokenizer", "NllbTokenizer": return .fairseq
    case "T5Tokenizer", "GemmaTokenizer", "Siglip2Tokenizer": return .plain
    case "" where isSiglip: return .siglip
    case "" where ["xlm-roberta", "altclip", "metaclip_2"].contains(modelType): return .fairseq
    default:
      throw FormatError(
        .unsupported,
        "tokenizer_class of tokenizer_config.json is "
          + (tokenizerClass.isEmpty ? "missing" : JSON.string(tokenizerClass).excerpt)
          + "; of those with a SentencePiece model SiglipTokenizer, XLMRobertaTokenizer, "
          + "NllbTokenizer, T5Tokenizer, GemmaTokenizer and Siglip2Tokenizer are known; "
          + "tokenizer.json is read whatever the class")
    }
  }

  var padsLeft: Bool { config["padding_side"]?.string == "left" }

  /// What `added_tokens_decoder` lists.
  var listed: [(token: AddedToken, id: Int32)] {
    settings.added.compactMap { entry in
      0..<Vocabulary.maximumCount ~= entry.id ? (entry.token, Int32(entry.id)) : nil
    }
  }
}

extension Normalizer {
  /// What SentencePiece does to a text before it looks for pieces.
  static func sentencePiece(_ model: SentencePieceModel, map: CharacterMap?) -> Normalizer {
    let mark = [Metaspace.mark]
    var steps: [Normalizer] = map.map { [.precompiled($0)] } ?? []
    if model.removesExtraSpaces {
      steps.append(.replace(.expression(.leadingSpaces), with: []))
      steps.append(.replace(.expression(.spaces), with: [0x20]))
    }
    if model.addsDummyPrefix { steps.append(.prepend(mark, onlyFirst: false)) }
    steps.append(.replace(.string([0x20]), with: mark))
    if model.removesExtraSpaces { steps.append(.replace(.expression(.trailingMarks), with: [])) }
    return .sequence(steps)
  }

  /// What transformers' `SiglipTokenizer` does, and then SentencePiece.
  static func siglip(lowercases: Bool, map: CharacterMap?) -> Normalizer {
    let mark = [Metaspace.mark]
    var steps: [Normalizer] = [
      .replace(.string(mark), with: [0x20]), .prepend(mark, onlyFirst: true),
    ]
    if lowercases { steps.append(.lowercase(finalSigma: true)) }
    steps += [
      .replace(.expression(.punctuation), with: []),
      .replace(.expression(.pythonWhiteSpace), with: [0x20]),
      .replace(.expression(.outerPythonWhiteSpace), with: []),
    ]
    if let map { steps.append(.precompiled(map)) }
    steps += [
      .replace(.expression(.spaces), with: [0x20]), .replace(.string([0x20]), with: mark),
      .replace(.expression(.trailingMarks), with: []),
    ]
    return .sequence(steps)
  }
}
