import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Kernels
import PackFormat
import SystemPackage
import Tensors
import TestSupport
import Testing
import Towers

@testable import Conversion
@testable import Evidence
@testable import PackTools
@testable import Quantisation

/// Weights that are NaN or infinite: carried by what loses nothing, refused by the rest unless they
/// are allowed; then their tensor loses nothing either.
@Suite("weights that are no numbers")
struct NonFiniteTests {
  static let name = "text_model.encoder.layers.0.mlp.fc1.weight"
  let folder = TemporaryFolder()
  let pool = WorkerPool(threads: 1)

  struct Allowed: Sendable, CustomTestStringConvertible {
    var target: Recipe.Target
    var rate: Rate?
    var calibration = CalibrationChoice.none
    var testDescription: String { "\(rate.map { "\($0)" } ?? target.rawValue), \(calibration)" }
  }

  @Test(arguments: [
    Allowed(target: .int8), Allowed(target: .f16), Allowed(target: .bf16),
    Allowed(target: .int8, rate: .bits(5)),
    Allowed(target: .int8, rate: .bits(5), calibration: .builtIn),
  ])
  func `what rounds carries them where they are allowed`(allowed: Allowed) throws {
    let source = try Checkpoint(broken().source.string)
    let path = folder.appending("a.clippack")
    var recipe = Recipe(target: allowed.target, rate: allowed.rate)
    recipe.allowsNonFinite = true
    let conversion = Conversion(
      recipe: recipe, makesEvidence: false, calibration: allowed.calibration, pool: pool)
    let summary = try conversion.run(source, to: path)
    #expect(
      summary.notes.last
        == "tensor \"\(Self.name)\" has 2 values that are NaN or infinite; it is kept as it is")

    let pack = try Pack(path, pool: pool)
    let kept = try #require(pack.tensor(Self.name))
    #expect(!kept.content.isGrid)
    let (found, expected) = (try pack.decoded(kept).floats, source.tensor(Self.name).floats)
    #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(found[3].isNaN && found[17] == -.infinity)
    // The others are rounded all the same.
    let other = Self.name.replacing("layers.0", with: "layers.1")
    #expect(
      try pack.decoded(#require(pack.tensor(other))).floats != source.tensor(other).floats)

    // One of the towers has no answers now.
    for compute in Compute.allCases {
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      #expect(throws: Self.noEmbedding) { try model.embed(ids: [[238, 5, 239]]) }
    }
    if allowed.calibration == .none {
      #expect(try Rebuilding(of: pack, from: Original(source)).differences == [])
    }
  }

  @Test func `only what uses them is no number`() throws {
    let name = "text_model.embeddings.token_embedding.weight"
    let source = try Checkpoint(broken(name).source.string)
    var recipe = Recipe(target: .int8)
    recipe.allowsNonFinite = true
    let path = folder.appending("a.clippack")
    _ = try Conversion(recipe: recipe, makesEvidence: false, pool: pool).run(source, to: path)
    let model = try Model(opening: path, threads: 1)
    // Weights 3 and 17 are those of token 0.
    #expect(try model.embed(ids: [[238, 5, 239]])[0].allSatisfy { $0.isFinite })
    #expect(throws: Self.noEmbedding) { try model.embed(ids: [[238, 0, 239]]) }
  }

  private static let noEmbedding = TowerError(
    .embedding, "the embedding of text 0 has a value that is NaN or infinite")

  /// The checkpoint with two weights of one tensor replaced.
  private func broken(_ name: String = Self.name) throws -> (source: FilePath, bytes: [UInt8]) {
    let model = Fixture.path("models/quick-gelu")
    for name in ["config.json", "preprocessor_config.json"] {
      let file = try MappedFile(model.appending(name))
      try folder.write(file.bytes.array, name)
    }
    let weights = model.appending("model.safetensors")
    let header = try Safetensors(weights)
    let file = try MappedFile(weights)
    var bytes = file.bytes.array
    let start = try #require(header.entry(named: name).flatMap(header.location)).lowerBound
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
        == "tensor \"\(Self.name)\" has 2 values that are NaN or infinite, which cannot be rounded")
    #expect(FileKind(of: output) == nil)
  }

  @Test func `lossless carries them without evidence, for there is nothing to prove`() throws {
    let (source, bytes) = try broken()
    let path = folder.appending("a.clippack")
    let recipe = Recipe(target: .lossless)
    let error = #expect(throws: Refusal.self) {
      try Conversion(recipe: recipe, pool: pool).run(Checkpoint(source.string), to: path)
    }
    #expect(
      error?.description
        == "the original has no answer: the embedding of text 0 has a value that is NaN or "
        + "infinite; tensor \"\(Self.name)\" has 2 values that are NaN or infinite")
    #expect(error?.code == .noAnswer)
    #expect(FileKind(of: path) == nil)

    let summary = try Conversion(recipe: recipe, makesEvidence: false, pool: pool)
      .run(Checkpoint(source.string), to: path)
    #expect(
      summary.notes.last
        == "tensor \"\(Self.name)\" has 2 values that are NaN or infinite; it is kept as it is")
    let model = try Model(Pack(path, pool: pool), keepingMatrices: false)
    let restored = folder.appending("restored")
    _ = try Unpacking.run(model.pack, into: restored)
    let file = try MappedFile(restored.appending("model.safetensors"))
    #expect(file.bytes.array == bytes)
    // Nor has the source an answer to hold the pack's against.
    #expect(throws: Refusal.self) {
      try Verification.against(Original(Checkpoint(source.string)), model)
    }
  }
}
