internal import Bytes

/// The pieces of a SentencePiece model in the order of a tokenizer's ids.
struct SentencePieceTable {
  let vocabulary: Vocabulary
  private let pieces: [SentencePieceModel.Piece]

  /// The most bytes of a piece that merges make: every way to cut it in two is looked at.
  private static let maximumLength = 256

  /// - Parameter order: the pieces by id.
  init(
    _ model: SentencePieceModel, order pieces: [SentencePieceModel.Piece]
  ) throws(FormatError) {
    self.pieces = pieces
    vocabulary = try Vocabulary(pieces.map(\.text)).sorted { pieces[Int($0)].kind == .normal }
  }

  private var unknown: Int32 { Int32(pieces.firstIndex { $0.kind == .unknown } ?? 0) }

  func model(_ model: SentencePieceModel) throws(FormatError) -> Model {
    switch model.algorithm {
    case .unigram: return .unigram(unigram(model, prefix: ""))
    case .bytePairEncoding:
      return .bytePairEncoding(
        .scalars(
          vocabulary, try merges(), unknown: unknown, fusesUnknown: true,
          byteFallback: model.hasByteFallback))
    case .word, .character:
      throw FormatError(
        .unsupported, "the model is of words or characters, unigrams and byte pairs are known")
    }
  }

  func unigram(_ model: SentencePieceModel, prefix: String) -> Unigram {
    let normal = pieces.lazy.filter { $0.kind == .normal }.map { Double($0.score) }
    return Unigram(
      vocabulary, scores: pieces.map { Double($0.score) }, unknown: unknown,
      unknownScore: Unigram.unknownScore(normal, .single), arithmetic: .single,
      hasByteFallback: model.hasByteFallback, prefix: prefix)
  }

  /// SentencePiece merges the neighbours that make the piece of the highest score. As transformers
  /// derives them: every way to cut a piece in two, in the order of scores, ids and parts.
  private func merges() throws(FormatError) -> Merges {
    var found: [(score: Float, result: Int32, left: Int32, right: Int32, cut: Int)] = []
    for (id, piece) in pieces.enumerated() where piece.kind == .normal {
      let utf8 = Array(piece.text.utf8)
      guard utf8.count <= Self.maximumLength else {
        throw FormatError(
          .invalidField,
          "piece \(id) is \(utf8.count) bytes, byte pairs make at most \(Self.maximumLength)")
      }
      for cut in utf8.indices.dropFirst() where utf8[cut] & 0xc0 != 0x80 {
        guard let left = vocabulary.id(of: utf8.span.extracting(..<cut)),
          let right = vocabulary.id(of: utf8.span.extracting(cut...))
        else { continue }
        found.append((piece.score, Int32(id), left, right, cut))
        guard found.count <= Merges.maximumCount else {
          throw FormatError(
            .invalidField,
            "the pieces make more than \(Merges.maximumCount) merges, which is the most allowed")
        }
      }
    }
    // Of one piece the shorter left part comes first, which is the order of the parts' texts.
    let ranked = found.sorted {
      ($1.score, $0.result, $0.cut) < ($0.score, $1.result, $1.cut)
    }
    let entries = ranked.enumerated().map { rank, merge in
      Merges.Entry(
        left: merge.left, right: merge.right, rank: Int32(rank), result: merge.result)
    }
    return try Merges(entries, count: vocabulary.count)
  }
}

extension SentencePieceModel {
  /// The replacements; `nil` where the model has none.
  var characterMap: CharacterMap? {
    get throws(FormatError) { map.isEmpty ? nil : try CharacterMap(parsing: map) }
  }
}
