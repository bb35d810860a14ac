internal import Bytes
internal import SystemPackage

/// Where the weights of a checkpoint lie, found from what a user wrote.
struct Source {
  /// Where configuration, preprocessing and tokenizer are looked for.
  let folder: FilePath
  let weights: Weights

  enum Weights {
    case file(FilePath)
    /// A `*.safetensors.index.json`.
    case index(FilePath)
  }

  /// - Parameter argument: a `.safetensors` file, a `*.safetensors.index.json`, a folder, or a hub
  ///   id. A path that exists wins over a hub id.
  init(_ argument: String, environment: (String) -> String?) throws(CheckpointError) {
    let path = FilePath(argument)
    switch FileKind(of: path) {
    case .directory: try self.init(folder: path)
    case .file, .other: try self.init(file: path)
    case nil:
      guard HubCache.isID(argument), !Self.isWeights(argument), !Self.isIndex(argument) else {
        throw .unreadable(FileError("find", path, "no such file or folder"))
      }
      let snapshot: FilePath
      do throws(FileError) {
        snapshot = try HubCache(environment: environment).snapshot(of: argument)
      } catch { throw .unreadable(error) }
      try self.init(folder: snapshot)
    }
  }

  private init(folder: FilePath) throws(CheckpointError) {
    self.folder = folder
    weights = try Self.weights(in: folder)
  }

  private init(file: FilePath) throws(CheckpointError) {
    let name = file.lastComponent?.string ?? ""
    if Self.isPickle(name) {
      let above = file.removingLastComponent()
      throw Self.pickled(name, in: above.isEmpty ? "." : above)
    }
    weights = Self.isIndex(name) ? .index(file) : .file(file)
    let above = file.removingLastComponent()
    folder = above.isEmpty ? "." : above
  }

  /// The names under which published checkpoints keep their weights, best first.
  private static let preferred = [
    "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
  ]

  private static func weights(in folder: FilePath) throws(CheckpointError) -> Weights {
    let names: [String]
    do throws(FileError) { names = try Folder.names(in: folder) } catch { throw .unreadable(error) }
    let indices = names.filter(isIndex)
    let files = names.filter(isWeights)
    if let name = preferred.first(where: names.contains) ?? (indices.count == 1 ? indices[0] : nil)
      ?? (indices.isEmpty && files.count == 1 ? files[0] : nil)
    {
      let path = folder.appending(name)
      return isIndex(name) ? .index(path) : .file(path)
    }
    let candidates = indices + files
    if !candidates.isEmpty {
      throw .refused(
        folder,
        FormatError(
          .inconsistent,
          "holds \(candidates.count) sets of weights, name the one to use: "
            + candidates.prefix(8).joined(separator: ", ")))
    }
    if let pickle = names.first(where: isPickle) { throw pickled(pickle, in: folder) }
    throw .unreadable(
      FileError("find", folder.appending("model.safetensors"), "the folder has no *.safetensors"))
  }

  private static func isIndex(_ name: String) -> Bool { name.hasSuffix(".safetensors.index.json") }
  private static func isWeights(_ name: String) -> Bool { name.hasSuffix(".safetensors") }
  private static func isPickle(_ name: String) -> Bool {
    [".bin", ".pt", ".pth", ".ckpt"].contains { name.hasSuffix($0) }
  }

  private static func pickled(_ name: String, in folder: FilePath) -> CheckpointError {
    .refused(
      folder,
      FormatError(
        .unsupported,
        "\(name) is a PyTorch pickle, *.safetensors is read; transformers converts it: "
          + "CLIPModel.from_pretrained(\"\(folder)\")"
          + ".save_pretrained(\"OUT\", safe_serialization=True)"))
  }
}
