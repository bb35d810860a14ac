import Bytes
import SystemPackage
import TestSupport
import Testing
import Tokenizers

@Suite struct TokenizerTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try Tokenizer(folder: Fixture.path("tokenizer")) }

  @Test func `a text that is too long keeps its end token`() {
    let ids = tokenizer.encode("a photo of two cats")
    let fits = tokenizer.encode("a photo of two cats", limit: ids.count)
    #expect(fits.ids == ids)
    #expect(!fits.isTruncated)
    let short = tokenizer.encode("a photo of two cats", limit: 4)
    #expect(short.ids == [tokenizer.start, ids[1], ids[2], tokenizer.end])
    #expect(short.isTruncated)
    let none = tokenizer.encode("a photo of two cats", limit: 2)
    #expect(none.ids == [tokenizer.start, tokenizer.end])
  }

  @Test func `padding fills up and can be another's`() throws {
    let ids = tokenizer.encode("a cat")
    #expect(tokenizer.padding == tokenizer.end)
    #expect(tokenizer.padded(ids, to: 6) == ids + [tokenizer.end, tokenizer.end])
    let zero = try tokenizer.padding(with: 0)
    #expect(zero.padded(ids, to: 6) == ids + [0, 0])
    // The padding is an id, not a token that is sought in texts.
    #expect(zero.encode("a cat!") == tokenizer.encode("a cat!"))
    #expect(throws: FormatError.self) { try tokenizer.padding(with: tokenizer.count) }
  }

  @Test func `the JSON of a pack reads back as the same tokenizer`() throws {
    let json = try JSON(parsing: tokenizer.json.description)
    let again = try Tokenizer(decoding: json)
    #expect(again.json == tokenizer.json)
    #expect(again.count == 852)
    #expect(json["start"] == 850)
    #expect(json["added"]?.array?.count == 2)
  }

  @Test func `bytes that the vocabulary lacks become the unknown token, each its own`() throws {
    let tokenizer = try Tokenizer(
      vocabulary: TokenizerRefusalTests.vocabulary, merges: [("a", "b</w>")])
    #expect(tokenizer.encode("AB aab éb") == [3, 2, 0, 2, 4, 4, 1, 4])
  }

  @Test func `of two merges of the same pair the later rank counts`() throws {
    let vocabulary = [
      "a": 0, "b": 1, "c</w>": 2, "ab": 3, "bc</w>": 4, "<|startoftext|>": 5, "<|endoftext|>": 6,
    ]
    let once = try Tokenizer(vocabulary: vocabulary, merges: [("a", "b"), ("b", "c</w>")])
    #expect(once.encode("abc") == [5, 3, 2, 6])
    let twice = try Tokenizer(
      vocabulary: vocabulary, merges: [("a", "b"), ("b", "c</w>"), ("a", "b")])
    #expect(twice.encode("abc") == [5, 0, 4, 6])
  }

  @Test func `OpenAI's list gives the order of CLIP's ids`() throws {
    let lines = Array("\"bpe_simple_vocab_16e6.txt#version: 0.2\ni n\nt h\nth e</w>\nx y\n".utf8)
    let tokenizer = try Tokenizer(parsingSimpleVocabulary: lines.span, mergeCount: 3)
    #expect(tokenizer.count == 512 + 3 + 2)
    // As in CLIP's vocabulary.
    #expect(tokenizer.id(of: "!") == 0)
    #expect(tokenizer.id(of: "a") == 64)
    #expect(tokenizer.id(of: "Ġ") == 220)
    #expect(tokenizer.id(of: "!</w>") == 256)
    #expect(tokenizer.id(of: "in") == 512)
    #expect(tokenizer.encode("the!") == [515, 514, 256, 516])
    #expect(tokenizer.padding == 0)
  }

  @Test(
    .enabled(
      if: TokenizerGolden.realVocabulary != nil,
      "CLIP_PACK_TOKENIZER names no vocabulary of CLIP; Scripts/fetch_vocabulary fetches it"))
  func `the examples of the documentation are true`() throws {
    let tokenizer = try Tokenizer(folder: #require(TokenizerGolden.realVocabulary))
    #expect(
      tokenizer.encode("a photo of a cat") == [49406, 320, 1125, 539, 320, 2368, 49407])
  }
}
