import Bytes
import Checkpoints
import ClipPack
import Concurrency
import Conversion
import ConversionSupport
import Evidence
import PackFormat
import PackTools
import Quantisation
import SystemPackage
import TestSupport
import Testing

@Suite("Conversion")
struct ConversionTests {
  let bench = Workbench()

  @Test(arguments: Workbench.models)
  func `to lossless answers like transformers`(model: String) throws {
    let pack = try bench.convert(Workbench.source(model), to: .lossless)
    let verification = try Verification.withReference(
      Fixture.path("models/\(model)/reference.safetensors"), bench.model(pack.path),
      minimumCosine: 0.999999)
    #expect(verification.failures == [])
    for agreement in [verification.comparison.image, verification.comparison.text] {
      #expect(agreement?.maximumDifference ?? 0 <= 1e-5)
    }
  }

  @Test(arguments: Workbench.models)
  func `to lossless unpacks to the very files`(model: String) throws {
    let source = Workbench.source(model)
    let pack = try bench.convert(source, to: .lossless, evidence: false)
    let output = bench.folder.appending("unpacked")
    let summary = try Unpacking.run(Pack(pack.path, pool: bench.pool), into: output)
    #expect(summary.isSource)
    let folder = FileKind(of: source) == .directory ? source : source.removingLastComponent()
    let names = try Folder.names(in: folder).filter { name in
      name != "reference.safetensors"
        && (name.hasSuffix(".safetensors") || name.hasSuffix(".index.json"))
    }
    #expect(!names.isEmpty)
    for name in names {
      #expect(
        try Workbench.bytes(output.appending(name)) == Workbench.bytes(folder.appending(name)),
        "\(name)")
    }
  }

  @Test func `keeps the bytes of a file's name that is not UTF-8`() throws {
    let folder = bench.folder.appending("odd")
    try Folder.create(folder)
    let source = Workbench.source("quick-gelu")
    // Latin-1's é.
    let name = FilePath(bytes: [0xe9] + Array("-model.safetensors".utf8))
    for (from, to) in [("config.json", FilePath("config.json")), ("model.safetensors", name)] {
      let bytes = try Workbench.bytes(source.appending(from))
      var file = try AtomicFile(replacing: folder.appending(to.components))
      try unsafe file.append(bytes.span.bytes)
      try file.commit()
    }
    let pack = bench.folder.appending("x.clippack")
    let conversion = Conversion(
      recipe: Recipe(target: .lossless), makesEvidence: false, pool: bench.pool)
    let file = folder.appending(name.components)
    _ = try conversion.run(Checkpoint(at: file), to: pack)
    let output = bench.folder.appending("unpacked")
    let summary = try Unpacking.run(Pack(pack, pool: bench.pool), into: output)
    #expect(summary.isSource && summary.files[0].name == name)
    #expect(
      try Workbench.bytes(output.appending(name.components)) == Workbench.bytes(file))
  }

  @Test(arguments: ["quick-gelu", "sharded", "float16"])
  func `unpacks any pack to a checkpoint that converts to the same content`(model: String) throws {
    let first = try bench.convert(Workbench.source(model), to: .f16, evidence: false)
    let output = bench.folder.appending("unpacked")
    let summary = try Unpacking.run(Pack(first.path, pool: bench.pool), into: output)
    #expect(!summary.isSource)
    let second = try bench.convert(output, to: .f16, evidence: false, as: "again")
    #expect(first.summary.contentDigest == second.summary.contentDigest)
  }

  /// The loosest cosine that each target must reach on the random fixtures, whose attention is far
  /// sharper than a trained model's.
  static let floors: [(Recipe.Target, Double)] = [
    (.lossless, 1), (.f16, 0.999999), (.bf16, 0.9995), (.int8, 0.999),
  ]

  @Test(arguments: floors)
  func `reaches the cosine of its target and proves it`(
    target: Recipe.Target, floor: Double
  ) throws {
    for name in ["quick-gelu", "patch-32"] {
      let pack = try bench.convert(Workbench.source(name), to: target)
      let comparison = try #require(pack.summary.comparison)
      #expect(comparison.cosineMinimum >= floor, "\(name)")
      let verification = try Verification.ofEvidence(bench.model(pack.path), minimumCosine: nil)
      #expect(verification.failures == [])
      #expect(verification.comparison.json == comparison.json)
    }
  }

  @Test func `gives one content in both storages, and packs back to the same bytes`() throws {
    let source = Workbench.source("gelu")
    let compact = try bench.convert(source, to: .int8, as: "compact")
    let mapped = try bench.convert(source, to: .int8, storage: .mapped, as: "mapped")
    #expect(compact.summary.contentDigest == mapped.summary.contentDigest)
    let there = bench.folder.appending("there.clippack")
    let back = bench.folder.appending("back.clippack")
    try Repacking.run(Pack(compact.path, pool: bench.pool), to: there, storage: .mapped)
    try Repacking.run(Pack(there, pool: bench.pool), to: back, storage: .compact)
    #expect(try Workbench.bytes(back) == Workbench.bytes(compact.path))
    // The evidence too does not depend on how the pack was stored when it was made.
    #expect(try Workbench.bytes(there) == Workbench.bytes(mapped.path))
  }

  @Test func `finds a rate for mapped storage by what the weights are worth`() throws {
    let digests = try Storage.allCases.map { storage in
      let conversion = Conversion(
        recipe: Recipe(target: .int8, rate: .bits(5)), storage: storage, pool: bench.pool)
      return try conversion.run(
        Checkpoint(Workbench.source("gelu").string),
        to: bench.folder.appending("rate.clippack")
      ).contentDigest
    }
    #expect(digests[0] == digests[1])
  }

  @Test(arguments: [Recipe.Target.lossless, .int8])
  func `writes the same file with any number of threads`(target: Recipe.Target) throws {
    let source = Workbench.source("cropped-image")
    let files = try [1, 2, 5].map { threads in
      try Workbench.bytes(
        bench.convert(source, to: target, threads: threads, as: "\(threads)").path)
    }
    #expect(files[0] == files[1])
    #expect(files[0] == files[2])
  }

  @Test(arguments: [Recipe.Towers.image, .text])
  func `takes one tower alone`(towers: Recipe.Towers) throws {
    let pack = try bench.convert(Workbench.source("gelu"), to: .int8, towers: towers)
    let model = try bench.model(pack.path)
    #expect((model.imageTower != nil) == (towers == .image))
    #expect((model.textTower != nil) == (towers == .text))
    #expect(try Verification.ofEvidence(model, minimumCosine: nil).hasPassed)
    #expect(throws: ModelError.self) { try model.similarity() }
  }

  @Test func `takes the checkpoints of one tower`() throws {
    for (name, towers) in [("image-only", Recipe.Towers.text), ("text-only", .image)] {
      let error = #expect(throws: Refusal.self) {
        try bench.convert(Workbench.source(name), to: .int8, towers: towers)
      }
      #expect(error?.description == "the checkpoint has no \(towers.rawValue) tower")
    }
  }

  @Test func `does not overwrite its source`() throws {
    let bytes = try Workbench.bytes(Workbench.source("openai-bare"))
    let source = try bench.folder.write(bytes, "model.safetensors")
    let conversion = Conversion(recipe: Recipe(target: .int8), pool: bench.pool)
    let error = #expect(throws: Refusal.self) {
      try conversion.run(Checkpoint(source.string), to: source)
    }
    #expect(error?.description == "the output '\(source)' is the source itself")
    #expect(try Workbench.bytes(source) == bytes)
  }
}
