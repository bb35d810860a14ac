import Bytes
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#endif

/// What `Scripts/compare_tokenizer_kinds.py` runs.
@Suite struct TokenizerComparisonTests {
  static let kind = environment("CLIP_PACK_TOKENIZER_KIND")
  static let export = environment("CLIP_PACK_TOKENIZER_EXPORT")

  static func environment(_ name: String) -> FilePath? {
    unsafe getenv(name).map { unsafe FilePath(String(cString: $0)) }
  }

  @Test(
    .enabled(
      if: kind != nil && TokenizerGolden.realIDs != nil,
      "Scripts/compare_tokenizer_kinds.py names a tokenizer and what a reference makes with it"))
  func `ids equal a reference's on generated texts`() throws {
    let source = try Tokenizer(folder: #require(Self.kind))
    let tokenizer = try Tokenizer(
      decoding: JSON(parsing: source.json.description), tables: source.tables)
    if let path = Self.export {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: .create, permissions: .ownerReadWrite)
      _ = try file.closeAfter { try file.writeAll(Array(tokenizer.tokenizerJSON().utf8)) }
    }
    let golden = try TokenizerGolden(lines: #require(TokenizerGolden.realIDs))
    var wrong = 0
    for entry in golden.entries {
      let found = tokenizer.encode(entry.text)
      if found == entry.ids { continue }
      wrong += 1
      if wrong > 20 { continue }
      let scalars = entry.text.unicodeScalars.map { String($0.value, radix: 16) }
      Issue.record("\(JSON.quoted(entry.text)), scalars \(scalars): \(found), not \(entry.ids)")
    }
    print("compared \(golden.entries.count) texts, \(wrong) differ")
    #expect(wrong == 0)
  }
}
