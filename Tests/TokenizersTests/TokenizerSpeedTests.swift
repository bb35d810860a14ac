import Bytes
import SystemPackage
import TestSupport
import Testing
import Tokenizers

/// Times without a budget for the machine they run on; only what would be a different order of
/// growth fails.
@Suite(.serialized) struct TokenizerSpeedTests {
  @Test(
    .enabled(
      if: TokenizerGolden.realVocabulary != nil,
      "CLIP_PACK_TOKENIZER names no vocabulary of CLIP; Scripts/fetch_vocabulary fetches it"))
  func `CLIP's vocabulary loads and encodes fast`() throws {
    let folder = try #require(TokenizerGolden.realVocabulary)
    let clock = ContinuousClock()
    var tokenizer = try Tokenizer(folder: folder)
    print("from the folder", try clock.measure { tokenizer = try Tokenizer(folder: folder) })
    let text = Array(tokenizer.json.description.utf8)
    for _ in 0..<3 {
      var json = JSON.null
      let parsing = try clock.measure { json = try JSON(parsing: text.span) }
      let decoding = try clock.measure { tokenizer = try Tokenizer(decoding: json) }
      print("from a pack: JSON of \(text.count) bytes \(parsing), tokenizer \(decoding)")
    }
    #expect(Array(tokenizer.json.description.utf8) == text)
    let caption = "a photo of two brown dogs running across the beach at sunset"
    let time = clock.measure { for _ in 0..<1000 { _ = tokenizer.encode(caption) } }
    print("a caption", time / 1000)
    for word in LongWord.allCases {
      let text = word.text(1 << 20)
      print("1 MB of \(word.rawValue)", clock.measure { _ = tokenizer.encode(text) })
    }
  }

  @Test(arguments: LongWord.allCases)
  func `a long text takes no quadratic time`(word: LongWord) throws {
    let tokenizer = try Tokenizer(folder: Fixture.path("tokenizer"))
    let text = word.text(1 << 18)
    let time = ContinuousClock().measure { _ = tokenizer.encode(text) }
    // A tenth of a second in release, a second in debug; a quadratic way would take many minutes.
    #expect(time < .seconds(60))
  }

  /// Texts without a space, of about so many bytes.
  enum LongWord: String, CaseIterable {
    case letter, letters, marks, punctuation, syllables

    func text(_ count: Int) -> String {
      switch self {
      case .letter: String(repeating: "a", count: count)
      case .letters: String(decoding: (0..<count).map { UInt8(97 + $0 * $0 % 26) }, as: UTF8.self)
      // Out of order, and composing with none but the first.
      case .marks: "e" + String(repeating: "\u{301}\u{316}", count: count / 4)
      case .punctuation: String(repeating: "<", count: count)
      case .syllables: String(repeating: "\u{1112}\u{1161}\u{11ab}", count: count / 9)
      }
    }
  }
}
