internal import Bytes
internal import SystemPackage

/// The file of weights in a folder, where several may lie.
struct CheckpointFolder {
  /// The folder itself, or the one below it that holds the model.
  let path: FilePath
  /// The name of a file or an index in it.
  let weights: String
  /// A sentence each without a full stop.
  let notes: [String]

  /// The names under which published checkpoints keep their weights, best first: in the order in
  /// which transformers and open_clip look for them.
  private static let preferred = [
    "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth", "pytorch_model.pth", "model.pth",
    "model.pt", "pytorch_model.pt",
  ]

  /// What names begin with that trainings and adapters keep beside weights.
  private static let beside = [
    "optim", "scheduler", "rng_state", "scaler", "training_args", "random_states", "trainer_state",
    "adapter_model",
  ]

  private static let pickles = [".bin", ".pt", ".pth", ".ckpt"]

  /// Where sentence-transformers keeps a CLIP.
  private static let inner = "0_CLIPModel"

  init(_ folder: FilePath) throws(CheckpointError) {
    let names: [String]
    do throws(FileError) { names = try Folder.names(in: folder) } catch { throw .unreadable(error) }
    let candidates = names.filter { name in
      Self.isWeights(name) && !Self.beside.contains(where: name.hasPrefix)
    }
    guard !candidates.isEmpty else {
      if FileKind(of: folder.appending(Self.inner)) == .directory {
        let inner = try CheckpointFolder(folder.appending(Self.inner))
        (path, weights) = (inner.path, inner.weights)
        notes =
          ["the model is in the folder \(Self.inner), as sentence-transformers keeps it"]
          + inner.notes
        return
      }
      throw Self.nothing(in: folder, names)
    }
    (path, weights) = (folder, try Self.choose(among: candidates, in: folder))
    let others = candidates.filter { [weights = self.weights] in
      $0 != weights && !Self.isShard($0, of: weights)
    }
    notes =
      others.isEmpty
      ? []
      : [
        "the weights are those of \(weights); beside it lie "
          + others.prefix(8).joined(separator: ", ") + ", which were not read"
      ]
  }

  private static func choose(
    among candidates: [String], in folder: FilePath
  ) throws(CheckpointError) -> String {
    if let name = preferred.first(where: candidates.contains) { return name }
    for kind in [isIndex, isSafetensors, { _ in true }] {
      let some = candidates.filter(kind)
      if some.count == 1 { return some[0] }
      guard some.isEmpty else {
        throw .refused(
          folder,
          FormatError(
            .inconsistent,
            "holds \(some.count) sets of weights, name the one to use: "
              + some.prefix(8).joined(separator: ", ")))
      }
    }
    preconditionFailure("there is a candidate")
  }

  /// Says what is there instead of weights.
  private static func nothing(in folder: FilePath, _ names: [String]) -> CheckpointError {
    if names.contains("adapter_config.json") {
      return .refused(
        folder,
        FormatError(.unsupported, AdapterConfiguration.guidance(for: folder)))
    }
    let others = [
      ("flax_model.msgpack", "weights of Flax; transformers 4 loads them with from_flax=True"),
      ("tf_model.h5", "weights of TensorFlow; transformers 4 loads them with from_tf=True"),
      ("saved_model.pb", "a SavedModel of TensorFlow, whose weights have lost their names"),
      ("model.onnx", "an ONNX model, whose weights have lost their names"),
      ("optimizer.pt", "the state of an optimiser, but no model"),
    ]
    for (name, kind) in others where names.contains(name) {
      return .refused(
        folder,
        FormatError(
          .unsupported,
          "holds \(name), \(kind); *.safetensors, *.bin, *.pt, *.pth and *.ckpt are read"))
    }
    return .unreadable(
      FileError(
        "find", folder.appending("model.safetensors"),
        "the folder has no *.safetensors and no *.bin, *.pt, *.pth or *.ckpt"))
  }

  /// Whether a name is one of weights or of an index of them.
  static func isWeights(_ name: String) -> Bool {
    isSafetensors(name) || isIndex(name) || pickles.contains(where: name.hasSuffix)
  }

  private static func isIndex(_ name: String) -> Bool {
    name.hasSuffix(".safetensors.index.json") || name.hasSuffix(".bin.index.json")
  }

  private static func isSafetensors(_ name: String) -> Bool { name.hasSuffix(".safetensors") }

  /// Whether a file is named like a shard of an index: `model-00001-of-00002.safetensors`.
  private static func isShard(_ name: String, of index: String) -> Bool {
    guard isIndex(index) else { return false }
    let file = index.dropLast(".index.json".count)
    guard let dot = file.lastIndex(of: ".") else { return false }
    return name.hasPrefix(file[..<dot]) && name.hasSuffix(file[dot...])
  }
}
