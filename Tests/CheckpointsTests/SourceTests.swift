import Architecture
import Bytes
import Checkpoints
import Platform
import SystemPackage
import TestSupport
import Testing

@Suite("A source")
struct SourceTests {
  let folder = TemporaryFolder()
  let model = TinyModel()

  /// Writes the model into files of a few tensors each, and their index.
  private func writeShards(
    into folder: TemporaryFolder, change: (inout JSON.Object) -> Void = { _ in }
  ) throws -> FilePath {
    let stored = model.transformers()
    var map = JSON.Object()
    for (number, start) in stride(from: 0, to: stored.count, by: 20).enumerated() {
      let shard = Array(stored[start..<min(start + 20, stored.count)])
      let name = "model-0000\(number + 1).safetensors"
      try TinyModel.write(shard, folder.appending(name))
      for tensor in shard { map[tensor.name] = .string(name) }
    }
    change(&map)
    try folder.write(model.configuration.json, "config.json")
    return try folder.write(
      ["metadata": ["total_size": 1], "weight_map": .object(map)], "model.safetensors.index.json")
  }

  private func message(_ source: String, _ variables: [String: String] = [:]) -> String? {
    #expect(throws: CheckpointError.self) {
      try Checkpoint(source, environment: { variables[$0] })
    }?.description
  }

  @Test func `may be a file, its folder, or the index of several`() throws {
    try folder.write(model.configuration.json, "config.json")
    let file = folder.appending("any.safetensors")
    try TinyModel.write(model.transformers(), file)
    #expect(model.matches(try Checkpoint(file.string)))
    #expect(model.matches(try Checkpoint(folder.path.string + "/")))

    let shards = TemporaryFolder()
    let index = try writeShards(into: shards)
    for source in [index, shards.path] {
      let checkpoint = try Checkpoint(source.string)
      #expect(model.matches(checkpoint))
      #expect(checkpoint.files.count > 2)
      #expect(checkpoint.files.map(\.name) == checkpoint.files.map(\.name).sorted())
      #expect(checkpoint.index == index)
    }
  }

  @Test(arguments: [
    JSON.string("../model-00001.safetensors"), "/etc/passwd", "", 3, "a/../b", ".",
  ])
  func `stays in the folder of its index`(name: JSON) throws {
    let index = try writeShards(into: folder) { $0["logit_scale"] = name }
    #expect(
      message(index.string)
        == "\(index): tensor \"logit_scale\": weight_map says \(name.excerpt), the name of a file "
        + "in the index's folder is required")
  }

  @Test func `is refused when a shard or a tensor in it is missing`() throws {
    let index = try writeShards(into: folder) { $0["extra"] = "model-00001.safetensors" }
    #expect(
      message(index.string)
        == "\(index): tensor \"extra\": weight_map says \"model-00001.safetensors\", which has no "
        + "such tensor")
    _ = try writeShards(into: folder) { $0["extra"] = "model-00009.safetensors" }
    let shard = folder.appending("model-00009.safetensors")
    #expect(
      message(index.string)
        == "cannot open '\(shard)': No such file or directory ('\(index)' names this file)")
  }

  /// Files that people take for weights: their bytes, and what is said of them.
  static let foreign: [(bytes: [UInt8], message: String)] = [
    ([], "is empty; copy or download it again"),
    (
      Array(
        """
        version https://git-lfs.github.com/spec/v1
        oid sha256:a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f
        size 605157884

        """.utf8),
      "is a Git LFS pointer to 605157884 bytes and not the file itself; `git lfs pull` in its "
        + "folder "
        + "fetches that"
    ),
    (
      Array("<!DOCTYPE html><html>".utf8),
      "is a web page, as a download that needs a login or another address leaves it; download the "
        + "file itself"
    ),
    (
      [0x89, 0x43, 0x4c, 0x49, 0x50, 0x0d, 0x0a, 0x1a, 1, 0],
      "is a pack already; unpack it to have a checkpoint again"
    ),
    (
      Array("GGUF".utf8) + [3, 0, 0, 0],
      "is a GGUF file, whose weights are already rounded; convert the checkpoint it was made from"
    ),
    (
      [0x08, 0x08, 0x12, 0x07] + Array("pytorch\u{1a}\u{5}2.1.0".utf8),
      "is an ONNX model, whose weights have lost their names; convert the checkpoint that it was "
        + "exported from"
    ),
    (
      [0x82, 0xaa] + Array("text_model".utf8),
      "is MessagePack, as Flax writes it (flax_model.msgpack); load it with from_flax=True in "
        + "transformers 4 and save it with save_pretrained"
    ),
    (
      [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a],
      "is an HDF5 file, as TensorFlow writes it (tf_model.h5); load it with from_tf=True in "
        + "transformers 4 and save it with save_pretrained"
    ),
    (
      [0x93] + Array("NUMPY".utf8) + [1, 0],
      "is one NumPy array (.npy); save the model's tensors by name with safetensors"
    ),
    (
      [0x80, 4, 0x4e, 0x2e],
      "is a bare pickle, which torch.save does not write; load it in Python and save its tensors "
        + "with "
        + "torch.save or safetensors"
    ),
    (
      [UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [0, 0],
      "is a tar archive; unpack it, or, if PyTorch before 0.1.11 wrote it, load it in an old "
        + "PyTorch "
        + "and save it again"
    ),
    ([0x1f, 0x8b, 8, 0], "is compressed with gzip; unpack it"),
    (
      Array("import torch\n".utf8),
      "is a text file that begins with \"import torch\\n\", a checkpoint is needed"
    ),
  ]

  @Test(arguments: foreign)
  func `of another kind is named, with what to do`(bytes: [UInt8], expected: String) throws {
    for name in ["model.safetensors", "pytorch_model.bin"] {
      let folder = TemporaryFolder()
      let file = try folder.write(bytes, name)
      #expect(message(file.string) == "\(file): \(expected)")
      #expect(message(folder.path.string) == "\(file): \(expected)")
    }
  }

  @Test func `is told by its content and not by its name`() throws {
    let containers = Fixture.path("containers")
    for (name, other) in [
      ("model.safetensors", "pytorch_model.bin"), ("zip-2.bin", "model.safetensors"),
      ("legacy-2.bin", "a.ckpt"),
    ] {
      let folder = TemporaryFolder()
      for (from, to) in [("config.json", "config.json"), (name, other)] {
        let file = try MappedFile(containers.appending(from))
        try folder.write(file.bytes.array, to)
      }
      let checkpoint = try Checkpoint(folder.path.string)
      #expect(checkpoint.files.map(\.name) == [other])
      #expect(checkpoint.unused == [])
    }
  }

  @Test func `says which of several files in a folder was read`() throws {
    let containers = Fixture.path("containers")
    for (from, to) in [
      ("config.json", "config.json"), ("zip-2.bin", "pytorch_model.bin"),
      ("legacy-2.bin", "open_clip_pytorch_model.bin"), ("zip-4.bin", "optimizer.bin"),
    ] {
      let file = try MappedFile(containers.appending(from))
      try folder.write(file.bytes.array, to)
    }
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.files.map(\.name) == ["pytorch_model.bin"])
    #expect(
      checkpoint.assumptions.first
        == "the weights are those of pytorch_model.bin; beside it lie open_clip_pytorch_model.bin, "
        + "which were not read")
  }

  @Test func `may be a folder of sentence-transformers`() throws {
    let inner = folder.appending("0_CLIPModel")
    try Folder.create(inner)
    let modules =
      #"[{"idx":0,"path":"0_CLIPModel","type":"sentence_transformers.models.CLIPModel"}]"#
    try folder.write(Array(modules.utf8), "modules.json")
    try folder.write(model.configuration.json, "0_CLIPModel/config.json")
    try TinyModel.write(model.transformers(), inner.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(model.matches(checkpoint))
    #expect(checkpoint.folder == inner)
    #expect(
      checkpoint.assumptions.first
        == "the model is in the folder 0_CLIPModel, as sentence-transformers keeps it")
  }

  @Test func `may name a revision of the hub`() throws {
    try writeCache(folder.path)
    let variables = ["HF_HUB_CACHE": folder.path.string]
    let repository = folder.appending("models--org--tiny")
    try Folder.create(repository.appending("refs").appending("refs").appending("pr"))
    try folder.write(Array("0123abc".utf8), "models--org--tiny/refs/refs/pr/1")
    for id in ["org/tiny@main", "org/tiny@refs/pr/1", "org/tiny@0123abc"] {
      let checkpoint = try Checkpoint(id, environment: { variables[$0] })
      #expect(model.matches(checkpoint))
    }
    #expect(
      message("org/tiny@v2", variables)
        == "cannot find 'org/tiny@v2': '\(repository)' has no refs/v2 and 1 snapshots; `hf "
        + "download "
        + "org/tiny --revision v2` puts it there")
    #expect(message("org/tiny@../x", variables)?.hasSuffix("No such file or directory") == true)
  }

  @Test func `is refused when it is not there, empty or undecided`() throws {
    #expect(message("no/such/file") == "cannot find 'no/such/file': No such file or directory")
    #expect(message("") == "cannot find '': No such file or directory")
    let model = folder.appending("model.safetensors")
    #expect(
      message(folder.path.string)
        == "cannot find '\(model)': the folder has no *.safetensors and no *.bin, *.pt, *.pth or "
        + "*.ckpt")
    for name in ["a.safetensors", "b.safetensors"] { try folder.write([0], name) }
    #expect(
      message(folder.path.string)
        == "\(folder.path): holds 2 sets of weights, name the one to use: a.safetensors, "
        + "b.safetensors")
  }

  // MARK: hub ids

  /// Lays out a cache as huggingface_hub does, with the files as links into `blobs`.
  private func writeCache(_ cache: FilePath) throws {
    let repository = cache.appending("models--org--tiny")
    let snapshot = repository.appending("snapshots").appending("0123abc")
    for path in [snapshot, repository.appending("blobs"), repository.appending("refs")] {
      try Folder.create(path)
    }
    try TinyModel.write(model.transformers(), repository.appending("blobs").appending("aa"))
    var reference = try AtomicFile(replacing: repository.appending("refs").appending("main"))
    try unsafe reference.append(Array("0123abc".utf8).span.bytes)
    try reference.commit()
    var config = try AtomicFile(replacing: repository.appending("blobs").appending("bb"))
    try unsafe config.append(Array(model.configuration.json.description.utf8).span.bytes)
    try config.commit()
    unsafe symlink("../../blobs/aa", snapshot.appending("model.safetensors").string)
    unsafe symlink("../../blobs/bb", snapshot.appending("config.json").string)
  }

  @Test func `may be a hub id, wherever the cache is`() throws {
    let root = folder.path
    try writeCache(root.appending("huggingface").appending("hub"))
    let home = root.appending("home")
    try writeCache(home.appending(".cache").appending("huggingface").appending("hub"))
    for variables in [
      ["HF_HUB_CACHE": "\(root)/huggingface/hub", "HF_HOME": "/nowhere"],
      ["HF_HOME": "\(root)/huggingface", "XDG_CACHE_HOME": "/nowhere"],
      ["XDG_CACHE_HOME": "\(root)", "HOME": "/nowhere"],
      ["HOME": "\(home)", "HF_HOME": ""],
      ["HF_HOME": "~/.cache/huggingface", "HOME": "\(home)"],
    ] {
      let checkpoint = try Checkpoint("org/tiny", environment: { variables[$0] })
      #expect(model.matches(checkpoint))
      #expect(checkpoint.folder.lastComponent == "0123abc")
      #expect(checkpoint.files.map(\.name) == ["model.safetensors"])
    }
  }

  @Test func `says where it looked for a hub id and how to get it`() throws {
    #expect(
      message("openai/clip-vit-base-patch32", ["HF_HUB_CACHE": "/nowhere"])
        == "cannot find 'openai/clip-vit-base-patch32': No such file or directory, and no "
        + "'/nowhere/models--openai--clip-vit-base-patch32' in the Hugging Face cache; "
        + "`hf download openai/clip-vit-base-patch32` puts it there")
    let cache = folder.path
    try writeCache(cache)
    let main = cache.appending("models--org--tiny/refs/main")
    var reference = try AtomicFile(replacing: main)
    try unsafe reference.append(Array("ffff\n".utf8).span.bytes)
    try reference.commit()
    #expect(
      message("org/tiny", ["HF_HUB_CACHE": cache.string])
        == "cannot find 'org/tiny': the Hugging Face cache has no "
        + "'\(cache)/models--org--tiny/snapshots/ffff'; `hf download org/tiny` puts it there")
  }

  @Test func `a path is what the system says, whatever its bytes`() throws {
    let folder = TemporaryFolder()
    let odd = FilePath(bytes: folder.path.bytes + Array("/caf".utf8) + [0xe9])
    try Folder.create(odd)
    let model = TinyModel()
    try TinyModel.write(model.transformers(), odd.appending("model.safetensors"))
    var file = try AtomicFile(replacing: odd.appending("config.json"))
    try file.append(text: "\(model.configuration.json)")
    try file.commit()
    let (whole, one) = (
      try Checkpoint(at: odd), try Checkpoint(at: odd.appending("model.safetensors"))
    )
    #expect(model.matches(whole) && model.matches(one))
    let missing = FilePath(bytes: odd.bytes + [0xe8])
    #expect(throws: CheckpointError.self) { try Checkpoint(at: missing) }
  }
}
