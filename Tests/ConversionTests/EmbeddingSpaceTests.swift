import ClipPack
import Concurrency
import PackFormat
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

  @Test func `is a pack's own where nobody has measured, or much is lost`() throws {
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
