import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite("A container of PyTorch")
struct ContainerTests {
  static let folder = Fixture.path("containers")

  /// All that PyTorch and those who train with it have written, as `Scripts/make_containers.py`
  /// makes it with torch itself.
  static let files = [
    "zip-2.bin", "zip-4.bin", "zip-5.bin", "legacy-2.bin", "legacy-4.bin", "legacy-5.bin",
    "strided.bin", "legacy-strided.bin", "parameters.pt", "same-twice.pt", "whole-module.pt",
    "training.ckpt",
  ]

  private func bytes(_ tensor: Tensor) -> [UInt8] {
    let buffer = tensor.buffer
    return buffer.bytes.array
  }

  private func expectSame(
    _ found: any TensorFile, _ expected: any TensorFile, prefix: String = ""
  ) {
    let names = Set(found.tensors.map(\.name))
    #expect(names == Set(expected.tensors.map { prefix + $0.name }))
    for entry in expected.tensors {
      guard let other = found.entry(named: prefix + entry.name) else { continue }
      #expect(other.elementType == entry.elementType && other.shape == entry.shape)
      #expect(bytes(found.tensor(other)) == bytes(expected.tensor(entry)), "\(entry.name)")
    }
  }

  @Test(arguments: files)
  func `holds the tensors that safetensors holds, bit for bit`(name: String) throws {
    let file = try PyTorchFile(Self.folder.appending(name))
    let expected = try Safetensors(Self.folder.appending("model.safetensors"))
    expectSame(file, expected, prefix: name == "training.ckpt" ? "module." : "")
    try file.validate()
    #expect(file.verbatimHeader == nil)
  }

  @Test func `of TorchScript holds the tensors of its modules`() throws {
    let folder = Self.folder.appending("script")
    let file = try PyTorchFile(folder.appending("ViT-tiny.pt"))
    expectSame(file, try Safetensors(folder.appending("open_clip_model.safetensors")))
    #expect(
      file.notes == [
        "the file is a TorchScript archive; its code is not run, tensors are taken by their names"
      ])
  }

  @Test func `gives parts of tensors that lie in any order`() throws {
    let file = try PyTorchFile(Self.folder.appending("strided.bin"))
    var copied = 0
    for entry in file.tensors {
      if file.location(of: entry) == nil { copied += 1 }
      let all = bytes(file.tensor(entry))
      for start in stride(from: 0, to: entry.byteCount, by: 4) {
        for end in [start, min(start + 20, entry.byteCount), entry.byteCount] {
          let part = file.bytes(of: entry, start..<end)
          #expect(part.bytes.array == Array(all[start..<end]))
        }
      }
    }
    #expect(copied > 10)
  }

  @Test func `says what it was wrapped in and what was left out`() throws {
    func notes(_ name: String) throws -> [String] {
      try PyTorchFile(Self.folder.appending(name)).notes
    }
    #expect(try notes("zip-2.bin") == [])
    #expect(
      try notes("training.ckpt") == [
        "the model is what the file holds under \"state_dict\"; left out: epoch (3), name "
          + "(\"tiny\"), "
          + "optimizer (a dictionary of 2), scaler (None), args (an object of argparse.Namespace), "
          + "rng_state (a tensor)"
      ])
    #expect(
      try notes("same-twice.pt") == [
        "the model is what the file holds under \"model\", and the same under \"ema\""
      ])
    #expect(
      try notes("whole-module.pt") == [
        "the file holds a whole module (transformers.models.clip.modeling_clip.CLIPModel); its "
          + "parameters and buffers are taken by their names, its code is not run"
      ])
  }

  @Test func `is a checkpoint like any other`() throws {
    let expected = try Checkpoint(Self.folder.appending("model.safetensors").string)
    for name in Self.files + ["shards", "shards/pytorch_model.bin.index.json"] {
      let found = try Checkpoint(Self.folder.appending(name).string)
      #expect(found.graph == expected.graph)
      for parameter in expected.graph.parameters {
        let (a, b) = (found.tensor(parameter.name), expected.tensor(parameter.name))
        #expect(a.shape == b.shape && bytes(a) == bytes(b))
      }
    }
  }

  @Test func `detects a bit that has changed in a tensor`() throws {
    let name = "zip-2.bin"
    let original = try MappedFile(Self.folder.appending(name))
    var bytes = original.bytes.array
    let file = try PyTorchFile(Self.folder.appending(name))
    let place = try #require(file.tensors.last.flatMap(file.location))
    bytes[place.lowerBound] ^= 1
    let folder = TemporaryFolder()
    let damaged = try PyTorchFile(folder.write(bytes, name))
    let error = #expect(throws: CheckpointError.self) { try damaged.validate() }
    #expect(error?.description.contains("the file was damaged") == true)
  }
}
