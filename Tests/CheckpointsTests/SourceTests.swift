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

  @Test func `says how to convert a pickle`() throws {
    try folder.write([0x80, 2], "pytorch_model.bin")
    let expected =
      "\(folder.path): pytorch_model.bin is a PyTorch pickle, *.safetensors is read; transformers "
      + "converts it: CLIPModel.from_pretrained(\"\(folder.path)\")"
      + ".save_pretrained(\"OUT\", safe_serialization=True)"
    #expect(message(folder.path.string) == expected)
    #expect(message(folder.appending("pytorch_model.bin").string) == expected)
  }

  @Test func `is refused when it is not there, empty or undecided`() throws {
    #expect(message("no/such/file") == "cannot find 'no/such/file': no such file or folder")
    #expect(message("") == "cannot find '': no such file or folder")
    let model = folder.appending("model.safetensors")
    #expect(
      message(folder.path.string) == "cannot find '\(model)': the folder has no *.safetensors")
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
        == "cannot find 'openai/clip-vit-base-patch32': no such file or folder, and no "
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
}
