/// What makes ids of a word.
///
/// The names are those of a `tokenizer.json`'s `model`.
enum Model: Sendable {
  case bytePairEncoding(BytePairEncoding)
  case unigram(Unigram)
  case wordPiece(WordPiece)

  var vocabulary: Vocabulary {
    switch self {
    case .bytePairEncoding(let model): model.vocabulary
    case .unigram(let model): model.vocabulary
    case .wordPiece(let model): model.vocabulary
    }
  }

  /// The `type` in a `tokenizer.json`.
  var type: String {
    switch self {
    case .bytePairEncoding: "BPE"
    case .unigram: "Unigram"
    case .wordPiece: "WordPiece"
    }
  }
}

/// Makes ids of many words. Keeps its memory from one to the next.
struct WordEncoder {
  private let model: Model
  private var merger: WordMerger?
  private var search: UnigramSearch?
  private var bytes: [UInt8] = []
  private var symbols: [Int32] = []

  init(_ model: Model) {
    self.model = model
    switch model {
    case .bytePairEncoding(let model): merger = WordMerger(model.merges)
    case .unigram(let model): search = UnigramSearch(model)
    case .wordPiece: break
    }
  }

  /// Appends the ids of a word.
  mutating func encode(_ word: ArraySlice<UInt32>, into ids: inout [Int32]) {
    switch model {
    case .bytePairEncoding(let model):
      if let id = model.whole(word, through: &bytes) { return ids.append(id) }
      model.symbolize(word, through: &bytes, into: &symbols)
      merger?.encode(symbols, into: &ids)
    case .unigram: search?.encode(word, into: &ids)
    case .wordPiece(let model): model.encode(word, through: &bytes, into: &ids)
    }
  }
}
