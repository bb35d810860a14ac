import Bytes
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

@Suite struct TokenizerKindTests {
  @Test(arguments: TokenizerKind.allCases)
  func `ids equal the reference's on 500 hard texts`(kind: TokenizerKind) throws {
    try compare(kind, kind.tokenizer())
  }

  @Test(arguments: TokenizerKind.allCases)
  func `a pack gives the same ids, and the same pack again`(kind: TokenizerKind) throws {
    let packed = try kind.packed()
    try compare(kind, packed)
    let tokenizer = try kind.tokenizer()
    #expect(packed.json == tokenizer.json)
    #expect(packed.tables == tokenizer.tables)
  }

  @Test(arguments: TokenizerKind.allCases)
  func `what is exported reads back and exports the same`(kind: TokenizerKind) throws {
    let text = try kind.tokenizer().tokenizerJSON()
    // SigLIP's final sigma and marks are written in expressions that are not read.
    if kind == .siglip || kind == .xlmrModel || kind == .gemmaModel { return }
    let again = try Tokenizer(file: TokenizerFile(Array(text.utf8).span), FolderContext())
    #expect(again.tokenizerJSON() == text)
    try compare(kind, again)
  }

  /// At most 20 differences are recorded.
  private func compare(_ kind: TokenizerKind, _ tokenizer: Tokenizer) throws {
    let texts = try TokenizerKind.texts()
    let expected = try kind.ids()
    #expect(texts.count == 500 && expected.count == 500)
    var wrong = 0
    for (text, ids) in zip(texts, expected) {
      guard let ids else { continue }
      let found = tokenizer.encode(text)
      if found == ids { continue }
      wrong += 1
      if wrong > 20 { continue }
      let scalars = text.unicodeScalars.map { String($0.value, radix: 16) }
      let differing = zip(found, ids).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
      Issue.record(
        """
        \(kind.rawValue): \(JSON.quoted(text)), scalars \(scalars): \(found), not \(ids), from \
        \(differing): \(found.dropFirst(differing).prefix(6).map { tokenizer.token($0) }), not \
        \(ids.dropFirst(differing).prefix(6).map { tokenizer.token($0) })
        """)
    }
    #expect(wrong == 0)
  }
}
