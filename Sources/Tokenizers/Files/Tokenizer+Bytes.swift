public import Bytes

/// Tokenizers from a file alone, with nothing beside it.
extension Tokenizer {
  /// Reads a `tokenizer.json` of the tokenizers library, of any kind.
  ///
  /// Of CLIP's kind the model and the added tokens count, as in transformers; of others all parts
  /// do.
  ///
  /// - Throws: `unsupported` for a part that is not known, by its type and place.
  public init(tokenizerJSON bytes: Span<UInt8>) throws(FormatError) {
    try self.init(file: TokenizerFile(bytes), FolderContext())
  }

  /// Reads a model of SentencePiece.
  ///
  /// - Parameter tokenizerClass: transformers' class, which decides how pieces are numbered:
  ///   `SiglipTokenizer`, `XLMRobertaTokenizer`, `NllbTokenizer`, `T5Tokenizer`, `GemmaTokenizer`
  ///   or `Siglip2Tokenizer`.
  public init(sentencePiece bytes: [UInt8], tokenizerClass: String) throws(FormatError) {
    var context = FolderContext()
    context.config = ["tokenizer_class": .string(tokenizerClass)]
    try self.init(SentencePieceModel(parsing: bytes), context)
  }

  /// Reads BERT's `vocab.txt`, a token in each line.
  public init(bertVocabulary bytes: Span<UInt8>) throws(FormatError) {
    try self.init(bertVocabulary: bytes, FolderContext())
  }
}
