internal import Bytes

/// What the files beside a vocabulary change in it, as the library does that reads them.
extension FolderContext {
  /// Whether the text tower reads padding: SigLIP's towers have no mask, and open_clip pads every
  /// text of a tower of its own that has another library's tokenizer.
  var padsToLimit: Bool {
    if ["SiglipTokenizer", "Siglip2Tokenizer"].contains(tokenizerClass) { return true }
    if ["siglip", "siglip_text_model", "siglip2", "siglip2_text_model"].contains(modelType) {
      return true
    }
    return openCLIP?["hf_tokenizer_name"]?.string != nil && openCLIP?["hf_model_name"] == nil
  }

  /// Whether transformers reads the folder with its class `SiglipTokenizer`, which is written in
  /// Python and takes no `tokenizer.json`.
  var isSiglip: Bool {
    tokenizerClass == "SiglipTokenizer"
      || tokenizerClass.isEmpty && ["siglip", "siglip_text_model"].contains(modelType)
  }

  /// The added tokens of a `tokenizer.json` with what `tokenizer_config.json` says of them.
  func added(
    _ file: TokenizerFile, _ model: Model, _ notes: inout [String]
  ) throws(FormatError) -> [(token: AddedToken, id: Int32)] {
    var result: [(token: AddedToken, id: Int32)] = []
    var places: [[UInt8]: Int] = [:]
    for (token, id) in file.added + (listsTokens ? settings.added : []) {
      guard 0..<Vocabulary.maximumCount ~= id else {
        throw FormatError(
          .invalidField,
          "added token \(Vocabulary.quoted(token.content)) has the id \(id), 0 to "
            + "\(Vocabulary.maximumCount - 1) are allowed")
      }
      if let known = model.vocabulary.idOfAny(token.content), Int(known) != id {
        throw FormatError(
          .inconsistent,
          "added token \(Vocabulary.quoted(token.content)) has the id \(id), in the vocabulary it "
            + "has \(known)")
      }
      let key = Array(token.content.utf8)
      guard let place = places[key] else {
        places[key] = result.count
        result.append((token, Int32(id)))
        continue
      }
      guard result[place].id == Int32(id) else {
        throw FormatError(
          .inconsistent,
          "added token \(Vocabulary.quoted(token.content)) has the ids \(result[place].id) and "
            + "\(id)")
      }
      if result[place].token != token {
        result[place].token = token
        notes.append(
          "tokenizer_config.json and tokenizer.json seek \(Vocabulary.quoted(token.content)) in "
            + "different ways: tokenizer_config.json counts, as in transformers")
      }
    }
    return result
  }

  /// The normalizer with what `tokenizer_config.json` and open_clip's configuration say.
  func adjusted(_ normalizer: Normalizer, _ notes: inout [String]) -> Normalizer {
    var result = normalizer
    if case .bert(var bert) = normalizer, tokenizerClass.hasPrefix("Bert") {
      bert = self.bert(bert)
      if .bert(bert) != normalizer {
        notes.append(
          "tokenizer_config.json and tokenizer.json disagree about lower case, accents or Chinese "
            + "characters: tokenizer_config.json counts, as in transformers")
        result = .bert(bert)
      }
    }
    if tokenizerClass == "Siglip2Tokenizer" || modelType.hasPrefix("siglip2") {
      result = .sequence([.lowercase(finalSigma: false), result])
      notes.append("texts become lower case first, as in transformers' Siglip2Tokenizer")
    }
    if openCLIP?["tokenizer_kwargs"]?["clean"]?.string == "canonicalize" {
      result = .sequence([.canonicalized, result])
      notes.append(
        "texts lose punctuation and become lower case first, as open_clip_config.json says "
          + "(tokenizer_kwargs.clean); '_' becomes a space, unlike in transformers' SiglipTokenizer"
      )
    }
    return result
  }

  /// BERT's normalizer as `tokenizer_config.json` sets it.
  func bert(_ normalizer: BertNormalizer) -> BertNormalizer {
    var result = normalizer
    result.lowercases = config["do_lower_case"]?.bool ?? result.lowercases
    result.handlesChinese = config["tokenize_chinese_chars"]?.bool ?? result.handlesChinese
    if let value = config["strip_accents"] { result.stripsAccents = value.bool }
    return result
  }
}

extension Normalizer {
  /// open_clip's `canonicalize`, but for the repair of mojibake and of HTML that stands before it.
  static let canonicalized = Normalizer.sequence([
    .replace(.string([0x5f]), with: [0x20]), .replace(.expression(.punctuation), with: []),
    .lowercase(finalSigma: true), .replace(.expression(.pythonWhiteSpace), with: [0x20]),
    .replace(.expression(.outerPythonWhiteSpace), with: []),
  ])
}
