internal import Bytes
internal import Checkpoints
internal import SystemPackage

/// What the files of a checkpoint become when a lossless pack is unpacked: safetensors as they
/// were, and others as safetensors.
struct RestoredFiles {
  struct File {
    var name: String
    /// Between the first 8 bytes and the tensors.
    var header: Buffer
    var size: Int
  }

  private(set) var files: [File] = []
  /// The new name of each file.
  private var names: [String: String] = [:]

  init(_ sources: [Checkpoint.File]) {
    var taken = Set(sources.map(\.name))
    for source in sources {
      var name = Self.name(for: source.name)
      // Two shards that differ by their endings alone.
      if name != source.name, !taken.insert(name).inserted { name = source.name + ".safetensors" }
      names[source.name] = name
      if let header = source.tensors.verbatimHeader {
        files.append(File(name: name, header: header, size: source.tensors.file.count))
      } else {
        let (text, count) = SafetensorsWriter.header(
          of: source.tensors.tensors.map { .init($0.name, $0.elementType, $0.shape) },
          metadata: ["format": "pt"])
        files.append(File(name: name, header: Buffer(text), size: 8 + text.count + count))
      }
    }
  }

  subscript(number: Int) -> File { files[number] }

  /// The name that transformers or open_clip looks for; that of safetensors stays.
  private static func name(for source: String) -> String {
    guard !source.hasSuffix(".safetensors") else { return source }
    let path = FilePath(source)
    var stem = path.lastComponent?.string ?? ""
    if let ending = [".bin", ".pt", ".pth", ".ckpt"].first(where: stem.hasSuffix) {
      stem = String(stem.dropLast(ending.count))
    }
    stem = stem.replacing("pytorch_model", with: "model", maxReplacements: 1)
    return path.removingLastComponent().appending(stem + ".safetensors").string
  }

  /// Of an index, to be the one that names the new files.
  func indexName(for index: FilePath) -> String {
    let name = index.lastComponent?.string ?? ""
    guard !name.hasSuffix(".safetensors.index.json") else { return name }
    let ending = [".index.json", ".json"].first(where: name.hasSuffix) ?? ""
    return Self.name(for: String(name.dropLast(ending.count))) + ".index.json"
  }

  /// The index as it was, or with the new names where there are any.
  func index(_ path: FilePath) throws -> Buffer {
    let file = try MappedFile(path)
    guard names.contains(where: { $0.key != $0.value }) else {
      return Buffer(file, 0..<file.count)
    }
    let read = try unsafe JSON(parsing: file.bytes._unsafeView(as: UInt8.self))
    var json = read.object ?? JSON.Object()
    var map = json["weight_map"]?.object ?? JSON.Object()
    for key in map.keys {
      if let name = map[key]?.string.flatMap({ names[$0] }) { map[key] = .string(name) }
    }
    json["weight_map"] = .object(map)
    return Buffer(Array((JSON.object(json).indented + "\n").utf8))
  }
}
