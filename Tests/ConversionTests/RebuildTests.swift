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

@Suite("A pack and its source")
struct RebuildTests {
  let bench = Workbench()

  @Test(arguments: Recipe.Target.allCases)
  func `agree block by block`(target: Recipe.Target) throws {
    let source = Workbench.source("quick-gelu")
    let pack = try bench.convert(source, to: target, evidence: false)
    let rebuilt = try Rebuilding(
      of: Pack(pack.path, pool: bench.pool), from: Original(Checkpoint(source.string)))
    #expect(rebuilt.differences == [] && rebuilt.bounded == [])
  }

  @Test func `differ where one weight does, by the name of its tensor`() throws {
    let source = Workbench.source("quick-gelu")
    let pack = try bench.convert(source, to: .int8, evidence: false)
    let other = try copy(source) { checkpoint, bytes in
      let place = checkpoint.location(of: "text_model.encoder.layers.1.mlp.fc1.weight")!
      // Another exponent: no rounding hides it.
      bytes[place.lowerBound + 3] ^= 0x01
    }
    let rebuilt = try Rebuilding(
      of: Pack(pack.path, pool: bench.pool), from: Original(Checkpoint(other.string)))
    #expect(
      rebuilt.differences == [
        "tensor \"text_model.encoder.layers.1.mlp.fc1.weight\" differs from the source in "
          + "block 1 of 1"
      ])
  }

  @Test func `agree code by code with the pictures that these were rounded for`() throws {
    let original = try Original(Checkpoint(Workbench.source("quick-gelu").string))
    let pictures = ["01-red-on-black.jpg", "03-yellow-on-grey.jpg"].map {
      Fixture.path("pictures/\($0)")
    }
    let pack = try convert(original, calibration: .pictures(pictures))
    let without = try Rebuilding(of: pack, from: original)
    #expect(without.differences == [] && without.needsPictures)
    let rebuilt = try Rebuilding(of: pack, from: original, pictures: pictures)
    #expect(rebuilt.differences == [] && rebuilt.bounded == [] && !rebuilt.needsPictures)

    // One code by one: within the bound, and not what these pictures lead to.
    let name = try #require(without.bounded.first)
    var forger = try Forger(pack, seed: 0)
    let place = try #require(forger.content.firstIndex { $0.name == name })
    forger.content[place].changeCode(at: 0) { $0 > 0 ? $0 - 1 : $0 + 1 }
    let path = bench.folder.appending("forged.clippack")
    try forger.write(to: path)
    let forged = try Pack(path, pool: bench.pool)
    #expect(try Rebuilding(of: forged, from: original).differences == [])
    let found = try Rebuilding(of: forged, from: original, pictures: pictures).differences
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("tensor \"\(name)\" differs from the source in block 1") == true)
  }

  @Test func `are not compared for other pictures than the recipe records`() throws {
    let original = try Original(Checkpoint(Workbench.source("quick-gelu").string))
    let pictures = ["01-red-on-black.jpg", "03-yellow-on-grey.jpg"].map {
      Fixture.path("pictures/\($0)")
    }
    let pack = try convert(original, calibration: .pictures(pictures))
    // In another order, they are other inputs.
    let error = #expect(throws: Refusal.self) {
      try Rebuilding(of: pack, from: original, pictures: pictures.reversed())
    }
    let clause = "the pictures are not those that the pack was rounded for: "
    #expect(error?.description.hasPrefix(clause) == true)
    for (choice, word) in [(CalibrationChoice.none, "no"), (.builtIn, "built-in")] {
      let pack = try convert(original, calibration: choice)
      let error = #expect(throws: Refusal.self) {
        try Rebuilding(of: pack, from: original, pictures: pictures)
      }
      #expect(
        error?.description
          == "the pack was rounded for \(word) pictures, and 2 are given to round it for again")
    }
  }

  @Test(arguments: [Recipe.Target.f16, .bf16, .int8])
  func `do not meet when a weight is not a number`(target: Recipe.Target) throws {
    let source = try copy(Workbench.source("quick-gelu")) { checkpoint, bytes in
      let place = checkpoint.location(of: "visual_projection.weight")!
      for index in 0..<3 {
        let start = place.lowerBound + 40 * index
        bytes.replaceSubrange(start..<start + 4, with: [0, 0, 0xc0, 0x7f])
      }
    }
    let error = #expect(throws: Refusal.self) { try bench.convert(source, to: target) }
    #expect(
      error?.description
        == "tensor \"visual_projection.weight\" has 3 values that are NaN or infinite, which "
        + "cannot be rounded")
    #expect(FileKind(of: bench.folder.appending("x.clippack")) == nil)
  }

  @Test func `carry what is not a number through lossless`() throws {
    let source = try copy(Workbench.source("quick-gelu")) { checkpoint, bytes in
      let start = checkpoint.location(of: "visual_projection.weight")!.lowerBound
      bytes.replaceSubrange(start..<start + 4, with: [1, 0, 0xa0, 0x7f])
    }
    let pack = try bench.convert(source, to: .lossless, evidence: false)
    let output = bench.folder.appending("unpacked")
    #expect(try Unpacking.run(Pack(pack.path, pool: bench.pool), into: output).isSource)
    #expect(
      try Workbench.bytes(output.appending("model.safetensors"))
        == Workbench.bytes(source.appending("model.safetensors")))
  }

  private func convert(_ original: Original, calibration: CalibrationChoice) throws -> Pack {
    let conversion = Conversion(
      recipe: Recipe(target: .int8), makesEvidence: false, calibration: calibration,
      pool: bench.pool)
    let path = bench.folder.appending("x.clippack")
    _ = try conversion.run(original.checkpoint, to: path)
    return try Pack(path, pool: bench.pool)
  }

  /// A copy of a checkpoint of one file, with some bytes of its weights changed.
  private func copy(
    _ source: FilePath, _ change: (Checkpoint, inout [UInt8]) -> Void
  ) throws -> FilePath {
    let folder = bench.folder.appending("changed")
    try Folder.create(folder)
    for name in try Folder.names(in: source) where name != "reference.safetensors" {
      var bytes = try Workbench.bytes(source.appending(name))
      if name == "model.safetensors" { change(try Checkpoint(source.string), &bytes) }
      try bench.folder.write(bytes, "changed/" + name)
    }
    return folder
  }
}
