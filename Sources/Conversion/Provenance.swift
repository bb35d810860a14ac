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
    let restored = Self.canRestore(checkpoint, recipe) ? RestoredFiles(checkpoint.files) : nil
    try writer.add(.provenance, document(restored).json)
    guard let restored else { return }
    for (number, file) in restored.files.enumerated() {
      try writer.add(section: SourceName.header(number), file.header)
    }
    if let index = checkpoint.index {
      try writer.add(section: SourceName.index, restored.index(index))
    }
  }

  private func document(_ restored: RestoredFiles?) -> ProvenanceDocument {
    var files = checkpoint.files.enumerated().map { number, source in
      var file = ProvenanceDocument.File(
        name: source.name, size: source.tensors.file.count, sha256: digests[number].description,
        role: checkpoint.textTower?.files.contains(number) == true ? .textTower : nil)
      file.nameBytes = source.tensors.file.path.foreignName
      guard let restored = restored?[number] else { return file }
      file.tensors = parts(of: number)
      if restored.name != source.name { file.restoredName = restored.name }
      if source.tensors.verbatimHeader == nil { file.restoredSize = restored.size }
      return file
    }
    if let adapter = checkpoint.adapter {
      let path = adapter.file.file.path
      var file = ProvenanceDocument.File(
        name: path.lastComponent?.string ?? "", size: adapter.file.file.count,
        sha256: digests[checkpoint.files.count].description, role: .adapter)
      file.nameBytes = path.foreignName
      files.append(file)
    }
    return ProvenanceDocument(
      tool: "clip-pack \(toolVersion)", files: files, space: space?.description,
      index: checkpoint.index.map {
        restored?.indexName(for: $0) ?? $0.lastComponent?.string ?? ""
      },
      assumptions: checkpoint.assumptions)
  }

  /// What each tensor of a file is made of, in the order of its bytes.
  private func parts(of file: Int) -> [ProvenanceDocument.Parts] {
    var parts: [String: [(row: Int, name: String, isTransposed: Bool)]] = [:]
    for (name, origin) in checkpoint.origins where origin.file == file {
      parts[origin.name, default: []].append(
        (origin.rows?.lowerBound ?? 0, name, origin.isTransposed))
    }
    return checkpoint.files[file].tensors.tensors.map { entry in
      guard let parts = parts[entry.name]?.sorted(by: { $0.row < $1.row }) else {
        return .inOrder([SourceName.companion(file, entry.name)])
      }
      return parts[0].isTransposed ? .transposed(parts[0].name) : .inOrder(parts.map(\.name))
    }
  }
}

extension FilePath {
  /// The bytes of the last component, where they are not UTF-8.
  fileprivate var foreignName: [UInt8]? {
    let name = FilePath(root: nil, lastComponent.map { [$0] } ?? [])
    return name.isUTF8 ? nil : name.bytes
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
