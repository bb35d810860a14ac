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
