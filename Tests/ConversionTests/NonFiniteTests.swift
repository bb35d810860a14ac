import Bytes
import Checkpoints
import ClipPack
import Kernels
import PackFormat
import SystemPackage
import TestSupport
import Testing

@testable import Conversion

/// Weights that are NaN or infinite: carried by what loses nothing, refused by the rest.
@Suite("weights that are no numbers")
struct NonFiniteTests {
  static let name = "text_model.encoder.layers.0.mlp.fc1.weight"
  let folder = TemporaryFolder()
  let pool = WorkerPool(threads: 1)

  /// The checkpoint with two weights of one tensor replaced.
  private func broken() throws -> (source: FilePath, bytes: [UInt8]) {
    let model = Fixture.path("models/quick-gelu")
    for name in ["config.json", "preprocessor_config.json"] {
      let file = try MappedFile(model.appending(name))
      try folder.write(file.bytes.array, name)
    }
    let weights = model.appending("model.safetensors")
    let header = try Safetensors(weights)
    let file = try MappedFile(weights)
    var bytes = file.bytes.array
    let start = try #require(header.entry(named: Self.name)).range.lowerBound
    for (index, value) in [(3, Float.nan), (17, -Float.infinity)] {
      for byte in 0..<4 {
        bytes[start + 4 * index + byte] = UInt8(truncatingIfNeeded: value.bitPattern >> (8 * byte))
      }
    }
    return (try folder.write(bytes, "model.safetensors"), bytes)
  }

  @Test(arguments: [Recipe.Target.int8, .f16, .bf16])
  func `what rounds refuses them, naming tensor and count`(target: Recipe.Target) throws {
    let source = try broken().source
    let output = folder.appending("a.clippack")
    let error = #expect(throws: Refusal.self) {
      try Conversion(recipe: Recipe(target: target), pool: pool)
        .run(Checkpoint(source.string), to: output)
    }
    #expect(
      error?.description
        == "tensor \"\(Self.name)\" has 2 values that are NaN or infinite, which only --to lossless "
        + "can carry")
    #expect(FileKind(of: output) == nil)
  }

  @Test func `lossless carries them, and its evidence still verifies`() throws {
    let (source, bytes) = try broken()
    let path = folder.appending("a.clippack")
    let summary = try Conversion(recipe: Recipe(target: .lossless), pool: pool)
      .run(Checkpoint(source.string), to: path)
    #expect(summary.agreement?.text?.cosineMinimum == 1)
    let model = try Model(Pack(path, pool: pool), keepingMatrices: false)
    let verification = try Verification.ofEvidence(model, minimumCosine: nil)
    #expect(verification.failures == [])
    #expect(verification.expected.texts.joined().contains { $0.isNaN })

    let restored = folder.appending("restored")
    _ = try Unpacking.run(model.pack, into: restored)
    let file = try MappedFile(restored.appending("model.safetensors"))
    #expect(file.bytes.array == bytes)
  }
}
