import Bytes
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Tables as large as those of SigLIP 2 and XLM-R, made up from a seed. Times are printed; only
/// what would be a different order of growth fails.
@Suite(.serialized) struct LargeTableTests {
  /// Distinct pieces of a made-up language, shorter ones first.
  static func pieces(_ count: Int) -> [String] {
    let syllables = [
      "ba", "ke", "lo", "mi", "nu", "st", "ra", "en", "o", "i", "日", "ß", "an", "zu",
    ]
    var pieces: [String] = ["<pad>", "<eos>", "<bos>", "<unk>"]
    pieces += (0...0xff).map { ByteAlphabet.fallback(of: $0) }
    pieces += ["\u{2581}"] + (0x21...0x7e).map { String(Unicode.Scalar(UInt8($0))) } + ["日", "ß"]
    var known = Set(pieces)
    var generator = SplitMix64(seed: 17)
    while pieces.count < count {
      var piece = generator.next() % 2 == 0 ? "\u{2581}" : ""
      for _ in 0..<(1 + generator.next() % 7) {
        piece += syllables[Int(generator.next() % UInt64(syllables.count))]
      }
      if known.insert(piece).inserted { pieces.append(piece) }
    }
    return pieces
  }

  static func unigram(_ count: Int) throws -> Tokenizer {
    let pieces = pieces(count)
    let scores = pieces.indices.map { $0 < 4 ? 0 : -Double($0) / 20_000 - 2 }
    let model = Unigram(
      try Vocabulary(pieces).sorted(), scores: scores, unknown: 3,
      unknownScore: Unigram.unknownScore(scores, .double), arithmetic: .double)
    return Tokenizer(
      .identity, .metaspace(Metaspace()), .unigram(model), Template(after: [1]), added: [],
      padding: .init(id: 0))
  }

  /// Byte-pair encoding over the same pieces, with every way to cut one in two.
  static func bytePairEncoding(_ count: Int) throws -> Tokenizer {
    let model = SentencePieceModel(
      pieces: pieces(count).enumerated().map { id, text in
        .init(
          text: text, score: -Float(id),
          kind: id == 3 ? .unknown : id < 3 ? .control : id < 260 ? .byte : .normal)
      }, algorithm: .bytePairEncoding, hasByteFallback: true, addsDummyPrefix: false,
      removesExtraSpaces: false)
    let table = try SentencePieceTable(model, order: model.pieces)
    return Tokenizer(
      .sentencePiece(model, map: nil), .identity, try table.model(model), Template(after: [1]),
      added: [], padding: .init(id: 0))
  }

  @Test func `a table of 256,000 pieces loads from a pack and reads back the same`() throws {
    for tokenizer in [try Self.unigram(256_000), try Self.bytePairEncoding(256_000)] {
      let json = tokenizer.json
      let tables = try #require(tokenizer.tables)
      let clock = ContinuousClock()
      var again = tokenizer
      for _ in 0..<3 {
        let time = try clock.measure {
          again = try Tokenizer(decoding: json, tables: tables)
        }
        print("\(tokenizer.description): \(tables.count) bytes of tables, loaded in \(time)")
      }
      #expect(again.json == json && again.tables == tables)
      let caption = "bake lomi nust raen banke stzu 日ß, kelo mibaba nunulo raßen 99!"
      #expect(again.encode(caption) == tokenizer.encode(caption))
      let time = clock.measure { for _ in 0..<100 { _ = again.encode(caption) } }
      print("a caption", time / 100)
    }
  }

  @Test func `a long text takes no quadratic time`() throws {
    for tokenizer in [try Self.unigram(20_000), try Self.bytePairEncoding(20_000)] {
      for part in ["ba", "bakelo ", " ", "\u{7a7a}", "\u{2581}", "日ß"] {
        let text = String(repeating: part, count: (1 << 18) / part.utf8.count)
        let time = ContinuousClock().measure { _ = tokenizer.encode(text) }
        print("256 kB of \(JSON.quoted(part)): \(time)")
        // A tenth of a second in release; a quadratic way would take many minutes.
        #expect(time < .seconds(60))
      }
    }
  }

  @Test func `300,000 added tokens that are equal, or begin alike, take no quadratic time`() throws
  {
    let clock = ContinuousClock()
    let equal = [AddedToken](repeating: AddedToken("<x>"), count: 300_000)
    let alike = (0..<300_000).map { AddedToken("<x\($0)>") }
    for tokens in [equal, alike] {
      let time = clock.measure {
        let search = AddedTokenSearch(
          tokens.enumerated().map {
            ($1.content.unicodeScalars.map(\.value), $1, Int32($0))
          })
        var count = 0
        let text = String(repeating: "<x1> <x <x>", count: 10_000)
        search.divide(text.unicodeScalars.map(\.value)) { _ in count += 1 }
        #expect(count > 10_000)
      }
      print("300,000 added tokens", time)
      #expect(time < .seconds(60))
    }
  }
}
