import Architecture
import Bytes
import Checkpoints
import Conversion
import ConversionSupport
import Evidence
import PackFormat
import PackTools
import Quantisation
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite("One model in many containers")
struct ContainerTests {
  let bench = Workbench()
  static let folder = Fixture.path("containers")

  static let files = [
    "zip-2.bin", "zip-4.bin", "zip-5.bin", "legacy-2.bin", "legacy-4.bin", "legacy-5.bin",
    "strided.bin", "legacy-strided.bin", "parameters.pt", "same-twice.pt", "whole-module.pt",
    "training.ckpt", "shards", "shards/pytorch_model.bin.index.json",
  ]

  @Test(arguments: [Recipe.Target.lossless, .int8])
  func `has one content digest`(target: Recipe.Target) throws {
    let folder = Self.folder
    let expected = try bench.convert(
      folder.appending("model.safetensors"), to: target, evidence: false)
    for name in Self.files {
      let pack = try bench.convert(folder.appending(name), to: target, evidence: false)
      #expect(pack.summary.contentDigest == expected.summary.contentDigest, "\(name)")
    }
    let script = folder.appending("script")
    let safetensors = try bench.convert(
      script.appending("open_clip_model.safetensors"), to: target, evidence: false)
    let torch = try bench.convert(script.appending("ViT-tiny.pt"), to: target, evidence: false)
    #expect(torch.summary.contentDigest == safetensors.summary.contentDigest)
  }

  /// What a container becomes: the files of weights.
  static let unpacked: [(name: String, files: [String])] = [
    ("zip-2.bin", ["zip-2.safetensors"]), ("training.ckpt", ["training.safetensors"]),
    ("strided.bin", ["strided.safetensors"]), ("script/ViT-tiny.pt", ["ViT-tiny.safetensors"]),
    (
      "shards",
      [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ]
    ),
  ]

  @Test(arguments: unpacked)
  func `comes back as safetensors with every tensor`(name: String, files: [String]) throws {
    let source = try Checkpoint(Self.folder.appending(name).string)
    let pack = try bench.convert(Self.folder.appending(name), to: .lossless, evidence: false)
    let output = bench.folder.appending("unpacked")
    let summary = try Unpacking.run(Pack(pack.path, pool: bench.pool), into: output)
    #expect(!summary.isSource && summary.isConverted)
    #expect(summary.files.map(\.name.string).filter { files.contains($0) } == files)
    for (file, name) in zip(source.files, files) {
      let restored = try Safetensors(output.appending(name))
      #expect(restored.tensors == file.tensors.tensors)
      #expect(restored.metadata == ["format": "pt"])
      for entry in file.tensors.tensors {
        let (a, b) = (restored.tensor(entry).buffer, file.tensors.tensor(entry).buffer)
        #expect(a.bytes.array == b.bytes.array)
      }
    }
    guard files.count > 1 else { return }
    let again = try bench.convert(output, to: .lossless, evidence: false, as: "again")
    #expect(again.summary.contentDigest == pack.summary.contentDigest)
  }

  @Test func `keeps tensors of nine dimensions, and shards in folders`() throws {
    let folder = bench.folder.appending("source")
    try Folder.create(folder.appending("below/it"))
    try bench.folder.write(
      Workbench.bytes(Self.folder.appending("config.json")), "source/config.json")
    let model = try Safetensors(Self.folder.appending("model.safetensors"))
    let many: Shape = [1, 2, 1, 1, 1, 1, 1, 1, 3]
    var map = JSON.Object()
    let shards = ["below/it/a.safetensors", "b.safetensors"]
    for (number, shard) in shards.enumerated() {
      let tensors = model.tensors.enumerated().filter { $0.offset % 2 == number }.map(\.element)
      var writer = try SafetensorsWriter(
        replacing: folder.appending(FilePath(shard).components),
        tensors: tensors.map { .init($0.name, $0.elementType, $0.shape) } + [
          .init("extra.\(number)", .uint8, many)
        ])
      for entry in tensors {
        let buffer = model.tensor(entry).buffer
        try writer.append(buffer.bytes)
        map[entry.name] = .string(shard)
      }
      let bytes: [UInt8] = [1, 2, 3, 4, 5, 6]
      try unsafe writer.append(bytes.span.bytes)
      try writer.commit()
    }
    try bench.folder.write(
      Array(JSON.object(["weight_map": .object(map)]).description.utf8),
      "source/model.safetensors.index.json")
    let pack = try bench.convert(folder, to: .lossless, evidence: false)
    let output = bench.folder.appending("unpacked")
    let summary = try Unpacking.run(Pack(pack.path, pool: bench.pool), into: output)
    #expect(summary.isSource)
    for name in shards + ["model.safetensors.index.json"] {
      let components = FilePath(name).components
      #expect(
        try Workbench.bytes(output.appending(components))
          == Workbench.bytes(folder.appending(components)))
    }
  }

  @Test func `is refused when a tensor was damaged`() throws {
    let name = "zip-2.bin"
    let file = try PyTorchFile(Self.folder.appending(name))
    var bytes = try Workbench.bytes(Self.folder.appending(name))
    let place = try #require(file.tensors.first.flatMap(file.location))
    bytes[place.lowerBound] ^= 1
    try bench.folder.write(bytes, name)
    try bench.folder.write(Workbench.bytes(Self.folder.appending("config.json")), "config.json")
    let error = #expect(throws: CheckpointError.self) {
      try bench.convert(bench.folder.appending(name), to: .int8, evidence: false)
    }
    #expect(error?.description.contains("is stored: the file was damaged") == true)
    #expect(FileKind(of: bench.folder.appending("x.clippack")) == nil)
  }

  @Test func `carries an adapter that was merged, and can be compared with it`() throws {
    let base = Self.folder.appending("model.safetensors").string
    let adapter = try Adapter(Self.folder.appending("adapter-plain"))
    let path = bench.folder.appending("merged.clippack")
    let summary = try Conversion(recipe: Recipe(target: .lossless), pool: bench.pool)
      .run(Checkpoint(base, adapter: adapter), to: path)
    let plain = try bench.convert(FilePath(base), to: .lossless, evidence: false)
    #expect(summary.contentDigest != plain.summary.contentDigest)
    let pack = try Pack(path, pool: bench.pool)
    let files = try #require(pack.json(.provenance)?["files"]?.array)
    #expect(files.map { $0["role"]?.string } == [nil, "adapter"])
    #expect(try EmbeddingSpace(pack) != EmbeddingSpace(Pack(plain.path, pool: bench.pool)))
    let merged = try Checkpoint(base, adapter: adapter)
    #expect(try Rebuilding(of: pack, from: Original(merged)).differences == [])
    #expect(try !Rebuilding(of: pack, from: Original(Checkpoint(base))).differences.isEmpty)
    // The source cannot be restored: what comes back is the merged model.
    let output = bench.folder.appending("unpacked")
    #expect(try !Unpacking.run(pack, into: output).isSource)
    let again = try bench.convert(output, to: .lossless, evidence: false, as: "again")
    #expect(again.summary.contentDigest == summary.contentDigest)
  }
}
