internal import Bytes
internal import SystemPackage

/// Where the weights of a checkpoint lie, found from what a user wrote.
struct Source {
  /// Where configuration, preprocessing and tokenizer are looked for.
  let folder: FilePath
  let weights: Weights
  /// Where the folder is one of sentence-transformers.
  private(set) var modules: SentenceTransformer?
  /// What was chosen where there was a choice, a sentence each without a full stop.
  private(set) var notes: [String] = []

  enum Weights {
    case file(FilePath)
    /// A `*.safetensors.index.json` or `*.bin.index.json`.
    case index(FilePath)
  }

  /// - Parameter argument: a file of weights, an index of shards, a folder, or a hub id. A path
  ///   that exists wins over a hub id.
  init(_ argument: String, environment: (String) -> String?) throws(CheckpointError) {
    let path = FilePath(argument)
    guard FileKind(of: path) == nil else {
      try self.init(at: path)
      return
    }
    guard let id = HubID(argument), !CheckpointFolder.isWeights(argument) else {
      throw .unreadable(FileError("find", path, Errno.noSuchFileOrDirectory))
    }
    let snapshot: FilePath
    do throws(FileError) {
      snapshot = try HubCache(environment: environment).snapshot(of: id)
    } catch { throw .unreadable(error) }
    try self.init(folder: snapshot)
  }

  /// - Parameter path: of a file of weights, an index of shards, or a folder.
  init(at path: FilePath) throws(CheckpointError) {
    switch FileKind(of: path) {
    case .directory: try self.init(folder: path)
    case .file, .other: try self.init(file: path)
    case nil: throw .unreadable(FileError("find", path, Errno.noSuchFileOrDirectory))
    }
  }

  private init(folder: FilePath) throws(CheckpointError) {
    modules = try SentenceTransformer(folder)
    let found = try CheckpointFolder(modules?.transformer ?? folder)
    self.folder = found.path
    notes = found.notes
    weights = try Self.weights(found.path.appending(found.weights))
  }

  private init(file: FilePath) throws(CheckpointError) {
    modules = nil
    weights = try Self.weights(file)
    let above = file.removingLastComponent()
    folder = above.isEmpty ? "." : above
  }

  private static func weights(_ path: FilePath) throws(CheckpointError) -> Weights {
    switch try Container(of: MappedFile.opening(path)) {
    case .json: .index(path)
    case .safetensors, .pyTorch: .file(path)
    }
  }
}
