public import Architecture
internal import Bytes
public import SystemPackage
internal import Tensors

/// A CLIP as it was trained and published: weights, and what the files beside them say.
///
/// Everything is checked when it is opened: each tensor of the configuration is there, with the
/// shape that the configuration says, in a float type.
public final class Checkpoint: Sendable {
  /// One file of weights.
  public struct File: Sendable {
    /// As an index names it, or the last component of the path.
    public let name: String
    public let tensors: any TensorFile
  }

  /// One file, or the shards of an index by name.
  public let files: [File]
  /// The index of shards; `nil` where one file holds all weights.
  public let index: FilePath?
  /// What was added to the weights.
  public let adapter: Adapter?
  /// Where the weights lie.
  public let folder: FilePath
  /// Where the tokenizer's files are looked for: beside the weights, those of the text tower where
  /// it is another's.
  public let tokenizerFolder: FilePath
  /// Which files are the text tower's, where it is another's.
  public let textTower: TextTowerSource?
  /// What the files beside the weights, or the shapes of the weights, say of the model.
  public let family: any Family
  /// The network of the family.
  public let graph: NetworkGraph
  /// `nil` for a text-only model.
  public let preprocessing: Preprocessing?
  /// What was chosen or left out among the files, and what no file says and was assumed, a sentence
  /// each without a full stop.
  public let assumptions: [String]
  /// Where each tensor of the model stands that a file holds, by canonical name.
  public let origins: [String: TensorOrigin]
  /// The others, which follow from the configuration.
  let constants: [String: Tensor]
  /// The tensors that the model has no use for, by file and in the order of the file; among them
  /// `position_ids` of old checkpoints, and a second tower that the configuration leaves out.
  public let unused: [String]
  let residency = Residency()

  /// Opens a checkpoint.
  ///
  /// - Parameters:
  ///   - source: a file of safetensors or PyTorch, whatever its name; an index of shards
  ///     (`*.index.json`); a folder; or a hub id (`openai/clip-vit-base-patch32`, with `@revision`
  ///     behind it if need be) in the local Hugging Face cache. A path that exists wins.
  ///   - adapter: a LoRA to add to the weights.
  ///   - textTower: another checkpoint, from which the text tower is taken.
  ///   - activation: that of a model of which no file says it.
  ///   - environment: the variables that say where the cache is; the process's own unless told.
  public convenience init(
    _ source: String, adapter: Adapter? = nil, textTower: String? = nil,
    activation: CLIPConfiguration.Activation? = nil, environment: ((String) -> String?)? = nil
  ) throws(CheckpointError) {
    let environment = environment ?? HubCache.processEnvironment
    let found = try Source(source, environment: environment)
    guard let textTower else {
      try self.init(found, adapter, activation)
      return
    }
    let text = try Checkpoint(Source(textTower, environment: environment), nil, nil)
    try self.init(Checkpoint(found, adapter, activation), text, named: textTower)
  }

  private init(
    _ source: Source, _ adapter: Adapter?, _ activation: CLIPConfiguration.Activation?
  ) throws(CheckpointError) {
    try Self.refuseAdapter(beside: source, adapter)
    var shards: Shards
    let path: FilePath
    switch source.weights {
    case .file(let file):
      (shards, path, index) = (try Shards(file), file, nil)
    case .index(let file):
      (shards, path, index) = (try Shards(index: file), file, file)
    }
    if let dense = source.modules?.dense {
      let found = try CheckpointFolder(dense).weights
      try shards.append("\(SentenceTransformer.denseFolder)/\(found)", dense.appending(found))
    }
    var notes = source.notes + shards.notes
    do throws(FormatError) {
      try UnmergedWeights.refuse(in: Set(shards.locations.keys))
      if let note = try Copies.check(shards) { notes.append(note) }
    } catch { throw .refused(path, error) }
    if let adapter {
      shards.files = try adapter.merged(into: shards.files)
      notes.append(adapter.note)
    }
    self.adapter = adapter
    let settings = Settings(
      folder: source.folder, modules: source.modules, activation: activation)
    let origins = Origins(shards: shards, weights: path)
    let reading = try Self.reading(origins, settings)
    (family, graph, self.origins) = (reading.family, reading.graph, reading.origins)
    constants = reading.constants
    preprocessing = reading.preprocessing
    assumptions = notes + reading.assumptions
    files = shards.files
    folder = source.folder
    tokenizerFolder = source.folder
    textTower = nil
    let used = Set(self.origins.values.map { Place(file: $0.file, name: $0.name) })
    unused = shards.files.enumerated().flatMap { number, file in
      file.tensors.tensors.map(\.name).filter { !used.contains(Place(file: number, name: $0)) }
    }
  }

  /// One with the text tower of another.
  private init(
    _ base: Checkpoint, _ text: Checkpoint, named source: String
  ) throws(CheckpointError) {
    do throws(FormatError) {
      let composed = try ComposedConfiguration(base: base.family, text: text.family)
      (family, graph) = (composed, try composed.graph())
    } catch { throw .refused(text.folder, error) }
    let offset = base.files.count
    files =
      base.files
      + text.files.map {
        File(name: "\(TextTowerSource.folder)/\($0.name)", tensors: $0.tensors)
      }
    textTower = TextTowerSource(
      files: offset..<files.count, isSharded: text.index != nil)
    (index, adapter, folder) = (base.index, base.adapter, base.folder)
    tokenizerFolder = text.tokenizerFolder
    preprocessing = base.preprocessing
    assumptions =
      ["the text tower is that of \(source)"] + base.assumptions
      + text.assumptions.map { "the text tower: \($0)" }
    var origins: [String: TensorOrigin] = [:]
    for parameter in graph.parameters {
      let isText = parameter.tower == .text
      guard var origin = (isText ? text : base).origins[parameter.name] else { continue }
      if isText { origin.file += offset }
      origins[parameter.name] = origin
    }
    self.origins = origins
    constants = base.constants.merging(text.constants) { mine, _ in mine }
    let used = Set(origins.values.map { Place(file: $0.file, name: $0.name) })
    unused = files.enumerated().flatMap { number, file in
      file.tensors.tensors.map(\.name).filter { !used.contains(Place(file: number, name: $0)) }
    }
  }

  /// An adapter in the folder of the weights changes what transformers loads from it.
  private static func refuseAdapter(
    beside source: Source, _ adapter: Adapter?
  ) throws(CheckpointError) {
    let path = source.folder.appending(AdapterConfiguration.fileName)
    guard FileKind(of: path) != nil, adapter == nil else { return }
    throw .refused(
      path,
      FormatError(
        .inconsistent,
        "lies beside the weights, so transformers loads them with the adapter; give the folder "
          + "as the "
          + "adapter too to merge it, or move the file away"))
  }

  private struct Place: Hashable {
    var file: Int
    var name: String
  }
}

/// The part of a checkpoint that is another's.
public struct TextTowerSource: Sendable {
  /// The folder that its files go into beside the others.
  public static let folder = "text_tower"

  /// Which of `Checkpoint.files`.
  public let files: Range<Int>
  /// Whether an index names them.
  public let isSharded: Bool
}
