internal import Architecture
internal import Bytes
internal import Checkpoints
internal import ClipPack
internal import Evidence
internal import PackFormat
internal import Quantisation
internal import SystemPackage
internal import Tensors

/// The version of this tool.
public let toolVersion = "0.1.0"

/// Where a pack's content came from.
///
/// Specification: `Formats/clippack.md`, section 7.
struct Provenance {
  let checkpoint: Checkpoint
  /// Of the source files in their order, and of the adapter.
  let digests: [Digest]
  let recipe: Recipe
  /// What the original's embeddings follow from; `nil` where its tokenizer cannot be read.
  let space: SpaceDigest?

  /// Whether packs of this recipe hold all that a source file held.
  static func canRestore(_ checkpoint: Checkpoint, _ recipe: Recipe) -> Bool {
    recipe.target == .lossless && recipe.towers == .both && checkpoint.adapter == nil
      && checkpoint.textTower?.isSharded != true
  }

  func write(to writer: inout PackWriter) throws {
    let restorable = Self.canRestore(checkpoint, recipe)
    let restored = RestoredFiles(checkpoint.files)
    var files: [JSON] = []
    for (number, file) in checkpoint.files.enumerated() {
      var object = JSON.Object()
      object["name"] = .string(file.name)
      object["size"] = .integer(file.tensors.file.count)
      object["sha256"] = .string(digests[number].description)
      if checkpoint.textTower?.files.contains(number) == true { object["role"] = "text_tower" }
      if restorable {
        object["tensors"] = layout(of: number)
        if restored[number].name != file.name {
          object["restored_as"] = .string(restored[number].name)
        }
        if file.tensors.verbatimHeader == nil {
          object["restored_size"] = .integer(restored[number].size)
        }
      }
      files.append(.object(object))
    }
    if let adapter = checkpoint.adapter {
      files.append([
        "name": .string(adapter.file.file.path.lastComponent?.string ?? ""),
        "size": .integer(adapter.file.file.count),
        "sha256": .string(digests[checkpoint.files.count].description), "role": "adapter",
      ])
    }
    var object = JSON.Object()
    object["tool"] = .string("clip-pack \(toolVersion)")
    object["files"] = .array(files)
    object[EmbeddingSpace.key] = space.map { .string($0.description) }
    if let index = checkpoint.index {
      object["index"] = .string(
        restorable ? restored.indexName(for: index) : index.lastComponent?.string ?? "")
    }
    object["assumptions"] = .array(checkpoint.assumptions.map(JSON.string))
    try writer.add(.provenance, .object(object))
    guard restorable else { return }
    for (number, file) in restored.files.enumerated() {
      try writer.add(section: SourceName.header(number), file.header)
    }
    if let index = checkpoint.index {
      try writer.add(section: SourceName.index, restored.index(index))
    }
  }

  /// For each tensor of a file, in the order of its bytes, the tensors of the pack that it is made
  /// of: `[name…]`, or `{"transposed": name}`.
  private func layout(of file: Int) -> JSON {
    var parts: [String: [(row: Int, name: String, isTransposed: Bool)]] = [:]
    for (name, origin) in checkpoint.origins where origin.file == file {
      parts[origin.name, default: []].append(
        (origin.rows?.lowerBound ?? 0, name, origin.isTransposed))
    }
    return .array(
      checkpoint.files[file].tensors.tensors.map { entry in
        guard let parts = parts[entry.name]?.sorted(by: { $0.row < $1.row }) else {
          return .array([.string(SourceName.companion(file, entry.name))])
        }
        return parts[0].isTransposed
          ? ["transposed": .string(parts[0].name)]
          : .array(parts.map { .string($0.name) })
      })
  }
}

extension Checkpoint {
  /// All files that weights are read from: the model's, and behind them the adapter's.
  var sources: [any TensorFile] {
    files.map(\.tensors) + (adapter.map { [$0.file] } ?? [])
  }

  /// The tensors that the model has no use for, under the names they have in a pack, by file and in
  /// the order of their names.
  var companions: [(name: String, tensor: () -> Tensor)] {
    let used = Set(origins.values.map { SourceName.companion($0.file, $0.name) })
    return files.enumerated().flatMap { number, file in
      file.tensors.tensors.sorted { $0.name < $1.name }.compactMap { entry in
        let name = SourceName.companion(number, entry.name)
        return used.contains(name) ? nil : (name, { file.tensors.tensor(entry) })
      }
    }
  }
}
