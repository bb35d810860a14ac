internal import Bytes
public import SystemPackage
internal import Tensors

/// A LoRA adapter, of PEFT or in kohya's names: for some linear layers two matrices whose product
/// is added to the weights.
public struct Adapter: Sendable {
  /// The folder or the file that was given.
  public let path: FilePath
  /// Its weights.
  public let file: any TensorFile
  /// By the name of a layer: `text_model.encoder.layers.0.self_attn.q_proj`, or with `_` for each
  /// full stop where `isFlattened`.
  let updates: [String: LowRankUpdate]
  let isFlattened: Bool
  let base: String?
  /// What of the file was left out, a clause.
  private let leftOut: String?

  /// The folder that the adapter is in.
  let folder: FilePath

  private static let fileNames = ["adapter_model.safetensors", "adapter_model.bin"]

  /// - Parameter path: the folder with `adapter_config.json`, or the file of weights beside it.
  /// - Throws: for adapters of other kinds, by the name of what makes them so.
  public init(_ path: FilePath) throws(CheckpointError) {
    self.path = path
    let weights: FilePath
    if FileKind(of: path) == .directory {
      folder = path
      let name = Self.fileNames.first { FileKind(of: path.appending($0)) != nil }
      weights = path.appending(name ?? Self.fileNames[0])
    } else {
      let above = path.removingLastComponent()
      (folder, weights) = (above.isEmpty ? "." : above, path)
    }
    let file = try Container.open(weights)
    self.file = file
    isFlattened = KohyaAdapter.isOne(file)
    if isFlattened {
      base = nil
      do throws(FormatError) {
        let found = try KohyaAdapter(file)
        (updates, leftOut) = (found.updates, found.leftOut)
      } catch { throw .refused(weights, error) }
      return
    }
    leftOut = nil
    let configuration = try AdapterConfiguration(folder)
    base = configuration.base
    do throws(FormatError) { updates = try Self.updates(file, configuration) } catch {
      throw .refused(weights, error)
    }
  }

  private static func updates(
    _ file: any TensorFile, _ configuration: AdapterConfiguration
  ) throws(FormatError) -> [String: LowRankUpdate] {
    var halves: [String: (a: TensorEntry?, b: TensorEntry?)] = [:]
    for entry in file.tensors {
      let (layer, isA) = try half(entry.name)
      if isA {
        halves[layer, default: (nil, nil)].a = entry
      } else {
        halves[layer, default: (nil, nil)].b = entry
      }
    }
    guard !halves.isEmpty else {
      throw FormatError(.unsupported, "holds no tensors, so it is no adapter")
    }
    var updates: [String: LowRankUpdate] = [:]
    for (layer, pair) in halves.sorted(by: { $0.key < $1.key }) {
      guard let a = pair.a, let b = pair.b else {
        throw FormatError(
          .inconsistent, "is there without its other half, lora_A and lora_B are needed",
          tensor: pair.a?.name ?? pair.b?.name)
      }
      let scale = try configuration.scale(of: layer, rank: a.shape.extents.first ?? 0)
      updates[layer] = try LowRankUpdate(a, b, scale: scale, file)
    }
    return updates
  }

  /// The layer that a tensor belongs to, and whether it is the inner matrix:
  /// `base_model.model.LAYER.lora_A.weight`, with `default.` before `weight` in old files.
  private static func half(_ name: String) throws(FormatError) -> (layer: String, isA: Bool) {
    for (mark, isA) in [("lora_A", true), ("lora_B", false)] {
      for ending in [".\(mark).weight", ".\(mark).default.weight"] where name.hasSuffix(ending) {
        var layer = name.dropLast(ending.count)
        if layer.hasPrefix("base_model.model.") { layer = layer.dropFirst(17) }
        return (String(layer), isA)
      }
    }
    throw FormatError(
      .unsupported,
      "\(kind(of: name)), which is not merged here; merge the adapter in PEFT (merge_and_unload) "
        + "and "
        + "convert the result", tensor: name)
  }

  /// What a tensor of an adapter that is no plain LoRA shows.
  private static func kind(of name: String) -> String {
    let kinds = [
      ("lora_magnitude_vector", "belongs to DoRA"), ("lora_embedding_", "belongs to an embedding"),
      ("hada_w", "belongs to LoHa"), ("lokr_", "belongs to LoKr"), ("oft_", "belongs to OFT"),
      ("lora_up", "is in the names of kohya"), ("lora_down", "is in the names of kohya"),
      ("bias", "is a bias that was trained"),
    ]
    return kinds.first { name.contains($0.0) }?.1 ?? "is no part of a LoRA"
  }

  /// The files with the adapter's updates added to their tensors.
  ///
  /// - Throws: where a layer of the adapter is not in the model, or has another shape.
  func merged(into files: [Checkpoint.File]) throws(CheckpointError) -> [Checkpoint.File] {
    var merges = [[String: LowRankUpdate]](repeating: [:], count: files.count)
    for (layer, update) in updates.sorted(by: { $0.key < $1.key }) {
      let (dot, name) = isFlattened ? ("_", layer + "_weight") : (".", layer + ".weight")
      // What a training or a larger model puts before all names.
      let places = files.indices.flatMap { number in
        files[number].tensors.tensors.filter { entry in
          let found = isFlattened ? entry.name.replacing(".", with: "_") : entry.name
          return found == name || found.hasSuffix(dot + name)
        }.map { (number, $0) }
      }
      guard places.count == 1 else {
        throw .refused(
          file.file.path,
          FormatError(
            .inconsistent,
            "the model has \(places.count) tensors of that name, 1 is needed; is the adapter of "
              + "another model?", tensor: name))
      }
      let (number, entry) = places[0]
      guard entry.shape == update.shape, entry.elementType.isWeightType else {
        throw .refused(
          file.file.path,
          FormatError(
            .inconsistent,
            "is \(entry.elementType.rawValue) \(entry.shape) in the model, the adapter changes "
              + "\(update.shape)", tensor: name))
      }
      merges[number][entry.name] = update
    }
    return zip(files, merges).map { file, merges in
      merges.isEmpty
        ? file : Checkpoint.File(name: file.name, tensors: MergedFile(file.tensors, merges))
    }
  }

  /// What was done, for people.
  var note: String {
    let ranks = Set(updates.values.map(\.rank)).sorted().map(String.init)
    return "the adapter \(path) was merged into \(updates.count) layers, rank "
      + ranks.joined(separator: ", ")
      + (base.map { "; it names \(JSON.quoted($0)) as its base" } ?? "")
      + (leftOut.map { "; " + $0 } ?? "")
  }
}
