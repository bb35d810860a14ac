import Bytes
import SystemPackage
import TestSupport
import Testing
import Tokenizers

@Suite struct TokenizerParityTests {
  @Test func `ids equal transformers' on two thousand hard texts`() throws {
    let tokenizer = try Tokenizer(folder: Fixture.path("tokenizer"))
    let golden = try TokenizerGolden(lines: Fixture.path("tokenizer/golden.jsonl"))
    #expect(golden.entries.count == 2000)
    try compare(tokenizer, golden)
    try compare(Tokenizer(decoding: JSON(parsing: tokenizer.json.description)), golden)
  }

  @Test func `decoded texts equal transformers'`() throws {
    let tokenizer = try Tokenizer(folder: Fixture.path("tokenizer"))
    let golden = try TokenizerGolden(lines: Fixture.path("tokenizer/golden.jsonl"))
    for (number, entry) in golden.entries.enumerated() {
      guard let decoded = entry.decoded else { continue }
      let found = tokenizer.decode(entry.ids, keepingSpecial: number % 2 == 1)
      #expect(Array(found.utf8) == Array(decoded.utf8), "\(entry.text)")
    }
  }

  @Test func `a folder's other files mean what they mean to transformers`() throws {
    let text = try bytes(of: Fixture.path("tokenizer/configurations.json"))
    let json = try JSON(parsing: text.span)
    let configurations = try #require(json.object)
    #expect(configurations.count == 7)
    for name in configurations.keys {
      let configuration = try #require(configurations[name])
      let folder = TemporaryFolder()
      let files = try #require(configuration["files"]?.object)
      let isOne = files["tokenizer.json"] != nil
      let vocabulary = isOne ? ["json/tokenizer.json"] : ["vocab.json", "merges.txt"]
      for file in vocabulary {
        let path = Fixture.path("tokenizer/" + file)
        try folder.write(bytes(of: path), try #require(path.lastComponent).string)
      }
      for file in files.keys where file != "tokenizer.json" {
        try folder.write(Array(try #require(files[file]).description.utf8), file)
      }
      let tokenizer = try Tokenizer(folder: folder.path)
      #expect(tokenizer.padding == configuration["padding"]?.int.map(Int32.init), "\(name)")
      for row in try #require(configuration["rows"]?.array) {
        let entry = try TokenizerGolden.Entry(row)
        #expect(tokenizer.encode(entry.text) == entry.ids, "\(name): \(entry.text)")
      }
      let again = try Tokenizer(decoding: JSON(parsing: tokenizer.json.description))
      #expect(again.json == tokenizer.json)
    }
  }

  @Test(
    .enabled(
      if: TokenizerGolden.realVocabulary != nil,
      "CLIP_PACK_TOKENIZER names no vocabulary of CLIP; Scripts/fetch_vocabulary fetches it"))
  func `ids equal those that public test suites assert`() throws {
    let tokenizer = try Tokenizer(folder: #require(TokenizerGolden.realVocabulary))
    let golden = try TokenizerGolden(lines: Fixture.path("tokenizer/clip.jsonl"))
    #expect(golden.entries.count == 336)
    try compare(tokenizer, golden)
  }

  @Test(
    .enabled(
      if: TokenizerGolden.realVocabulary != nil && TokenizerGolden.realIDs != nil,
      "Scripts/compare_tokenizer.py sets CLIP_PACK_TOKENIZER and CLIP_PACK_TOKENIZER_GOLDEN"))
  func `ids equal transformers' on generated texts with CLIP's vocabulary`() throws {
    let tokenizer = try Tokenizer(folder: #require(TokenizerGolden.realVocabulary))
    let golden = try TokenizerGolden(lines: #require(TokenizerGolden.realIDs))
    let wrong = try compare(tokenizer, golden)
    print("compared \(golden.entries.count) texts, \(wrong) differ")
  }

  /// - Returns: how many texts have other ids.
  @discardableResult
  private func compare(_ tokenizer: Tokenizer, _ golden: TokenizerGolden) throws -> Int {
    var wrong = 0
    for entry in golden.entries {
      let found = tokenizer.encode(entry.text)
      if found != entry.ids {
        wrong += 1
        let scalars = entry.text.unicodeScalars.map { String($0.value, radix: 16) }
        if wrong <= 20 {
          Issue.record("\(JSON.quoted(entry.text)), scalars \(scalars): \(found), not \(entry.ids)")
        }
      }
    }
    #expect(wrong == 0)
    return wrong
  }
}
