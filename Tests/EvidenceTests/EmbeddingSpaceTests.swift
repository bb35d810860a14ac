import Bytes
import Checkpoints
import ClipPack
import Concurrency
import ConversionSupport
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Evidence
@testable import Quantisation

@Suite("The space of embeddings")
struct EmbeddingSpaceTests {
  let bench = Workbench()

  private func space(_ path: Workbench.Result) throws -> EmbeddingSpace {
    try EmbeddingSpace(Pack(path.path, pool: bench.pool))
  }

  @Test func `is the original's for packs that find what it finds`() throws {
    let source = Workbench.source("gelu")
    let lossless = try space(bench.convert(source, to: .lossless, evidence: false))
    #expect(lossless.isOriginal)
    #expect(lossless.id.count == 32)
    for towers in [Recipe.Towers.both, .image, .text] {
      let other = try space(bench.convert(source, to: .f16, storage: .mapped, towers: towers))
      #expect(other == lossless, "\(towers)")
    }
    let another = try space(bench.convert(Workbench.source("quick-gelu"), to: .lossless))
    #expect(another != lossless)
  }

  /// A copy of a checkpoint with one text of a file replaced.
  private func copy(
    _ file: String, _ old: String, _ new: String
  ) throws -> FilePath {
    let source = Fixture.path("demo")
    let folder = bench.folder.appending("changed")
    try Folder.create(folder)
    for name in try Folder.names(in: source) {
      var bytes = try Workbench.bytes(source.appending(name))
      if name == file {
        let text = String(decoding: bytes, as: UTF8.self)
        try #require(text.contains(old))
        bytes = Array(text.replacing(old, with: new).utf8)
      }
      try bench.folder.write(bytes, "changed/" + name)
    }
    return folder
  }

  private func digest(_ source: FilePath) throws -> String {
    try SpaceDigest(of: Original(Checkpoint(source.string)), pool: bench.pool).description
  }

  @Test(arguments: [
    ("config.json", "quick_gelu", "gelu"),
    ("preprocessor_config.json", "0.48145466", "0.5"),
    ("preprocessor_config.json", "\"resample\": 3", "\"resample\": 2"),
  ])
  func `is another where answers are others, with the same weights`(
    file: String, old: String, new: String
  ) throws {
    let changed = try copy(file, old, new)
    #expect(try digest(changed) != digest(Fixture.path("demo")))
  }

  @Test func `does not hang on the files of the original`() throws {
    // The same values in another file: the header has a space more, which no reader minds.
    let folder = try copy("accuracy.json", "{", "{ ")
    let weights = folder.appending("model.safetensors")
    var bytes = try Workbench.bytes(weights)
    let size = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    bytes.insert(contentsOf: [UInt8](repeating: 0x20, count: 8), at: 8 + size)
    for byte in 0..<8 { bytes[byte] = UInt8(truncatingIfNeeded: (size + 8) >> (8 * byte)) }
    try bench.folder.write(bytes, "changed/model.safetensors")
    let packed = try space(bench.convert(folder, to: .lossless, evidence: false))
    #expect(packed.isOriginal)
    #expect(
      try packed == space(bench.convert(Fixture.path("demo"), to: .lossless, evidence: false)))
    #expect(try packed.id == String(digest(Fixture.path("demo")).prefix(32)))
  }

  @Test func `is a pack's own where nothing was measured, or much is lost`() throws {
    let source = Workbench.source("gelu")
    let original = try space(bench.convert(source, to: .lossless, evidence: false))
    let unmeasured = try bench.convert(source, to: .f16, evidence: false)
    let own = try space(unmeasured)
    #expect(!own.isOriginal)
    #expect(own.id != original.id)
    let coarse = try bench.convert(source, to: .int8, rate: .bits(2))
    let first = try space(coarse)
    #expect(!first.isOriginal)
    let again = try bench.convert(source, to: .int8, storage: .mapped, rate: .bits(2))
    #expect(try space(again) == first)
  }
}
