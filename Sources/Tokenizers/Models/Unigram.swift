/// A unigram language model: of all ways to cut a word into pieces, the one whose scores have the
/// largest sum.
struct Unigram: Sendable {
  /// Sorted; the pieces that texts may contain are searchable.
  let vocabulary: Vocabulary
  /// Logarithms of probabilities, by id.
  let scores: [Double]
  /// What becomes of a scalar that no piece covers; those beside each other become one.
  let unknown: Int32
  /// The score of an unknown scalar: 10 less than that of the least probable piece.
  let unknownScore: Double
  /// How sums are rounded.
  let arithmetic: Arithmetic
  /// The ids of the 256 bytes, which unknown scalars become; `nil` where they do not.
  let bytes: [Int32]?
  /// What is put before every word and cut off its ids again: transformers' SigLIP class
  /// encodes `<unk>` and the text, so that SentencePiece keeps the space that the text begins with.
  let prefix: [UInt8]
  /// How many ids the prefix has.
  private(set) var prefixCount = 0

  /// In which precision scores are added; it decides between ways of equal score.
  enum Arithmetic: String, Sendable {
    /// As SentencePiece: every sum is rounded to single precision.
    case single = "float32"
    /// As the tokenizers library.
    case double = "float64"
  }

  init(
    _ vocabulary: Vocabulary, scores: [Double], unknown: Int32, unknownScore: Double,
    arithmetic: Arithmetic, hasByteFallback: Bool = false, prefix: String = ""
  ) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    self.unknownScore = unknownScore
    self.arithmetic = arithmetic
    let ids = hasByteFallback ? vocabulary.bytes.compactMap(\.self) : []
    bytes = ids.count == 256 ? ids : nil
    self.prefix = Array(prefix.utf8)
    if !prefix.isEmpty {
      var search = UnigramSearch(self)
      var ids: [Int32] = []
      search.encode([], into: &ids)
      prefixCount = ids.count
    }
  }

  /// The score of an unknown scalar of a table.
  ///
  /// - Parameter scores: those of the pieces that texts may contain.
  static func unknownScore(_ scores: some Sequence<Double>, _ arithmetic: Arithmetic) -> Double {
    let least = scores.min() ?? 0
    return arithmetic == .single ? Double(Float(least) - 10) : least - 10
  }
}

/// Finds the best way for one word at a time. Keep one for many words: it reuses its memory.
struct UnigramSearch {
  private let model: Unigram
  private var text: [UInt8] = []
  /// The best way to each position: its score, where its last piece begins (-1 for no way), and
  /// which that is.
  private var best: [(score: Double, start: Int32, id: Int32)] = []
  private var pieces: [(start: Int32, id: Int32)] = []

  init(_ model: Unigram) { self.model = model }

  /// Appends the ids of a word.
  mutating func encode(_ word: ArraySlice<UInt32>, into ids: inout [Int32]) {
    text.removeAll(keepingCapacity: true)
    text += model.prefix
    for scalar in word { UTF8.append(scalar, to: &text) }
    search()
    pieces.removeAll(keepingCapacity: true)
    var end = Int32(text.count)
    while end > 0 {
      let (_, start, id) = best[Int(end)]
      // Walked from the end: the next unknown piece to the left belongs to this one.
      if id == model.unknown, model.bytes == nil, let last = pieces.last, last.id == id {
        pieces[pieces.count - 1].start = start
      } else {
        pieces.append((start, id))
      }
      end = start
    }
    append(to: &ids)
  }

  private mutating func append(to ids: inout [Int32]) {
    for (number, piece) in pieces.reversed().enumerated() where number >= model.prefixCount {
      guard piece.id == model.unknown, let bytes = model.bytes else {
        ids.append(piece.id)
        continue
      }
      let index = pieces.count - 1 - number
      let end = index > 0 ? Int(pieces[index - 1].start) : text.count
      for byte in text[Int(piece.start)..<end] { ids.append(bytes[Int(byte)]) }
    }
  }

  private mutating func search() {
    best.removeAll(keepingCapacity: true)
    best.append((0, 0, -1))
    for _ in text.indices { best.append((0, -1, -1)) }
    var start = 0
    while start < text.count {
      let length = Self.length(text[start])
      let score = best[start].score
      var hasWhole = false
      if var prefix = model.vocabulary.prefixes {
        var end = start
        while end < text.count, prefix.advance(text[end], model.vocabulary) {
          end += 1
          guard let id = prefix.id(model.vocabulary) else { continue }
          take(id, model.scores[Int(id)] + score, from: start, to: end)
          if end - start == length { hasWhole = true }
        }
      }
      if !hasWhole {
        take(model.unknown, model.unknownScore + score, from: start, to: start + length)
      }
      start += length
    }
  }

  /// Takes a piece where it makes a better way to its end than is known.
  private mutating func take(_ id: Int32, _ score: Double, from start: Int, to end: Int) {
    let score = model.arithmetic == .single ? Double(Float(score)) : score
    guard best[end].start < 0 || score > best[end].score else { return }
    best[end] = (score, Int32(start), id)
  }

  /// How many bytes the scalar takes that begins with one.
  private static func length(_ byte: UInt8) -> Int {
    byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
  }
}
