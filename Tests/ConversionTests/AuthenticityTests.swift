import Bytes
import Checkpoints
import ClipPack
import Concurrency
import ConversionSupport
import Kernels
import PackFormat
import PackTools
import SystemPackage
import TestSupport
import Testing

@testable import Conversion
@testable import Evidence
@testable import Quantisation

/// `Formats/threats.md`, section 2.
@Suite("Against its source")
struct AuthenticityTests {
  let bench = Workbench()

  private func verify(
    _ pack: FilePath, _ source: FilePath, minimumCosine: Double? = nil
  ) throws -> Verification {
    try Verification.against(
      Original(Checkpoint(source.string)), bench.model(pack), minimumCosine: minimumCosine)
  }

  @Test(arguments: Workbench.models)
  func `an honest pack is authentic, whatever the model`(model: String) throws {
    let source = Workbench.source(model)
    let verification = try verify(bench.convert(source, to: .int8).path, source, minimumCosine: 0.9)
    #expect(verification.failures == [])
    #expect(verification.authenticity?.bounded == [])
    #expect(verification.imageCount + verification.textCount > 0)
  }

  @Test func `a pack of few bits is authentic, and only the default floor refuses it`() throws {
    let source = Fixture.path("demo")
    let pack = try bench.convert(source, to: .int8, rate: .bits(2.5)).path
    let verification = try verify(pack, source)
    #expect(verification.floor == Verification.defaultFloor)
    #expect(!verification.hasPassed)
    #expect(verification.isOnlyBelowDefaultFloor)
    #expect(verification.authenticity?.differences == [])
    #expect(verification.authenticity?.bounded.isEmpty == false)
    let reached = verification.comparison.cosineMinimum
    #expect(reached > 0.5)
    let accepted = try verify(pack, source, minimumCosine: reached - 1e-9)
    #expect(accepted.hasPassed)
    let chosen = try verify(pack, source, minimumCosine: 0.9999)
    #expect(!chosen.hasPassed && !chosen.isOnlyBelowDefaultFloor)
  }

  @Test(arguments: [Recipe.Target.int8, .f16])
  func `what was unpacked from a pack that lost something does not prove it`(
    target: Recipe.Target
  ) throws {
    let source = Workbench.source("quick-gelu")
    let pack = try bench.convert(source, to: target).path
    let folder = bench.folder.appending("unpacked")
    #expect(try !Unpacking.run(Pack(pack, pool: bench.pool), into: folder).isSource)
    let verification = try verify(pack, folder)
    #expect(
      verification.failures == [
        "the source holds the very values that this pack decodes to, as a checkpoint does that was "
          + "unpacked or exported from it, so it proves nothing; give the checkpoint that the pack "
          + "was made from"
      ])
    // What a lossless pack gives back is the original.
    let exact = try bench.convert(source, to: .lossless, as: "exact").path
    let restored = bench.folder.appending("restored")
    _ = try Unpacking.run(Pack(exact, pool: bench.pool), into: restored)
    #expect(try verify(exact, restored).hasPassed)
  }

  @Test func `codes along the trellis are proven, every one, without calibration`() throws {
    let source = Fixture.path("demo")
    let path = bench.folder.appending("x.clippack")
    let conversion = Conversion(
      recipe: Recipe(target: .int8, rate: .bits(2.5)), calibration: .none,
      pool: bench.pool)
    _ = try conversion.run(Checkpoint(source.string), to: path)
    let verification = try verify(path, source, minimumCosine: 0)
    #expect(verification.failures == [])
    #expect(verification.authenticity?.bounded == [])
  }

  /// Of a matrix that nothing was rounded for, and of the token table, which never is.
  @Test func `codes off the nearest fail where no calibration accounts for them`() throws {
    let source = Workbench.source("quick-gelu")
    let path = bench.folder.appending("x.clippack")
    let forged = bench.folder.appending("forged.clippack")
    for (calibration, part) in [
      (CalibrationChoice.none, "mlp.fc1.weight"), (.builtIn, "token_embedding.weight"),
    ] {
      let conversion = Conversion(
        recipe: Recipe(target: .int8), calibration: calibration, pool: bench.pool)
      _ = try conversion.run(Checkpoint(source.string), to: path)
      var forger = try Forger(Pack(path, pool: bench.pool), seed: 0)
      let place = try #require(forger.content.firstIndex { $0.name.hasSuffix(part) })
      forger.content[place].changeCode(at: 0) { $0 > 0 ? $0 - 1 : $0 + 1 }
      try forger.write(to: forged)
      #expect(
        try verify(forged, source).authenticity?.differences == [
          "tensor \"\(forger.content[place].name)\" has codes that are not the nearest to the "
            + "source's values, and no calibration accounts for them"
        ])
    }
  }

  @Test func `pictures and texts beyond what a pack keeps are counted, and texts that are cut`()
    throws
  {
    let source = Fixture.path("demo")
    let picture = Fixture.path("pictures/05-blue-on-brown.jpg")
    let long = Array(repeating: "red", count: 100).joined(separator: " ")
    let (pictures, texts) = (
      Array(repeating: picture, count: 66), [long] + (0..<69).map { "red \($0)" }
    )
    let notes = [
      "of 66 pictures the first 64 are taken, as many as a pack keeps",
      "of 70 texts the first 64 are taken, as many as a pack keeps",
      "1 of 64 texts has more than 77 tokens and is cut",
    ]
    let path = bench.folder.appending("x.clippack")
    let conversion = Conversion(
      recipe: Recipe(target: .int8), evidenceImages: pictures, evidenceTexts: texts,
      calibration: .none, pool: bench.pool)
    let summary = try conversion.run(Checkpoint(source.string), to: path)
    #expect(summary.notes == notes)
    let verification = try Verification.against(
      Original(Checkpoint(source.string)), bench.model(path), images: pictures, texts: texts)
    #expect(verification.notes == notes)
    #expect(verification.hasPassed, "\(verification.failures)")
  }

  @Test func `another source is another model, and is not run`() throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .f16).path
    let verification = try verify(pack, Workbench.source("gelu"))
    #expect(verification.authenticity?.isAuthentic == false)
    #expect(verification.imageCount == 0)
    #expect(
      verification.failures.contains { $0.contains("is of another architecture than the pack") })
  }

  @Test func `strings are compared as bytes`() {
    let (composed, decomposed) = ("\u{37e}", ";")
    #expect(composed == decomposed)
    #expect(Authenticity.firstDifference(.string(composed), .string(decomposed)) != nil)
    #expect(
      Authenticity.firstDifference(
        .object(JSON.Object([(composed, 1)])), .object(JSON.Object([(decomposed, 1)]))) != nil)
    #expect(Authenticity.firstDifference(["a": [1, "x"]], ["a": [1, "x"]]) == nil)
    #expect(
      Authenticity.firstDifference(["a": [1, "x"]], ["a": [1, "y"]])
        == "a[1] is \"x\" there, \"y\" in the pack")
  }

  @Test func `evidence that leaves a tower out does not pass`() throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .int8).path
    var forger = try Forger(Pack(pack, pool: bench.pool), seed: 1)
    forger.evidence.removeAll { $0.name.hasSuffix("pixels") || $0.name.hasSuffix("image_embeds") }
    let path = bench.folder.appending("texts.clippack")
    try forger.write(to: path)
    let verification = try Verification.ofEvidence(bench.model(path), minimumCosine: nil)
    #expect(
      verification.failures.contains(
        "the image tower was not measured: the evidence has no probes for it"))
  }

  @Test func `probes for a tower that the pack lacks are refused`() throws {
    let both = try bench.convert(Workbench.source("quick-gelu"), to: .int8, as: "both").path
    let text = try bench.convert(
      Workbench.source("quick-gelu"), to: .int8, towers: .text, as: "text"
    ).path
    let pictures = try Forger(Pack(both, pool: bench.pool), seed: 1).evidence.filter {
      $0.name.hasSuffix("pixels") || $0.name.hasSuffix("image_embeds")
    }
    #expect(pictures.count == 2)
    var forger = try Forger(Pack(text, pool: bench.pool), seed: 1)
    forger.evidence += pictures
    let path = bench.folder.appending("more.clippack")
    try forger.write(to: path)
    let error = #expect(throws: Refusal.self) {
      try Verification.ofEvidence(bench.model(path), minimumCosine: nil)
    }
    #expect(
      error?.description == "the evidence has evidence/pixels, and the pack has no image tower")
    // Among the attachments they are nothing at all.
    forger.evidence.removeLast(2)
    forger.attachments = pictures
    try forger.write(to: path)
    #expect(try Verification.ofEvidence(bench.model(path), minimumCosine: nil).failures == [])
  }

  @Test(arguments: [-1.0, 0, 1.5, 0.9])
  func `a recorded floor that is none, or too low, does not pass`(floor: Double) throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .int8).path
    var forger = try Forger(Pack(pack, pool: bench.pool), seed: 1)
    let index = try #require(forger.evidence.firstIndex { $0.name == "evidence" })
    forger.evidence[index].streams[0] = Array(
      try forger.evidence[index].json.replacing(["min_cosine"], with: .number(floor)).description
        .utf8)
    let path = bench.folder.appending("floor.clippack")
    try forger.write(to: path)
    let verification = try Verification.ofEvidence(bench.model(path), minimumCosine: nil)
    #expect(verification.failures.contains { $0.hasPrefix("the recorded floor of cosines is ") })
  }

  @Test func `what is no number, infinite or zero agrees with nothing`() {
    for row in [[Float.nan, 0], [.infinity, 0], [0, 0]] {
      let both = ProbeEmbeddings(images: [row, [0.6, 0.8]])
      let comparison = Comparison(both, with: both)
      #expect(comparison.cosineMinimum.isNaN)
      #expect(comparison.failures(floor: -1).count == 1)
    }
  }

  @Test func `a reference proves the towers that it covers, at the verifier's floor`() throws {
    let pack = try bench.convert(Workbench.source("quick-gelu"), to: .int8, rate: .bits(3)).path
    let reference = Fixture.path("models/quick-gelu/reference.safetensors")
    let verification = try Verification.withReference(
      reference, bench.model(pack), minimumCosine: nil)
    #expect(verification.floor == 0.999)
    #expect(!verification.hasPassed)
    #expect(verification.unproven == [])
    let text = try Verification.withReference(
      Fixture.path("models/text-only/reference.safetensors"),
      bench.model(bench.convert(Workbench.source("text-only"), to: .lossless).path),
      minimumCosine: nil)
    #expect(text.hasPassed)
  }
}
