internal import Architecture
internal import Bytes
internal import SystemPackage
internal import Tensors

/// Finds every tensor of a configuration in the files, and refuses what does not fit.
struct Origins {
  let shards: Shards
  /// Where to point in errors about a tensor that is nowhere.
  let weights: FilePath

  /// Of all but the tensors that no file holds.
  func all(
    of graph: NetworkGraph, _ model: RecognisedModel
  ) throws(CheckpointError) -> [String: TensorOrigin] {
    var origins: [String: TensorOrigin] = [:]
    for parameter in graph.parameters where model.constants[parameter.name] == nil {
      guard let location = model.locations[parameter.name] else {
        preconditionFailure("no scheme knows \(parameter.name)")
      }
      let reason = "the network of \(model.source)"
      origins[parameter.name] = try origin(of: parameter, location, reason)
    }
    return origins
  }
}

/// The same for CLIP, whose messages name the keys that shapes follow from.
struct CLIPOrigins {
  let naming: CLIPNaming
  let origins: Origins

  private var shards: Shards { origins.shards }
  var weights: FilePath { origins.weights }

  /// How many residual blocks the files hold.
  func layers(of tower: Tower) -> Int {
    naming.layers(of: tower) { shards.locations[$0] != nil }
  }

  /// The shape of a canonical tensor as the files have it.
  func shape(_ location: TensorLocation) -> Shape? {
    guard let file = shards.locations[location.name],
      let stored = shards.files[file].tensors.entry(named: location.name)?.shape
    else { return nil }
    var extents = stored.extents
    if let part = location.part, let rows = extents.first { extents[0] = rows / part.count }
    return Shape(location.isTransposed ? extents.reversed() : extents)
  }

  /// - Parameters:
  ///   - source: what says the configuration, for messages: `config.json`.
  ///   - constants: the tensors that are put together already.
  func all(
    of configuration: CLIPConfiguration, _ graph: NetworkGraph, _ source: String,
    but constants: [String: Tensor]
  ) throws(CheckpointError) -> [String: TensorOrigin] {
    try checkLayers(configuration.image?.transformer.layers, .image, source)
    try checkLayers(configuration.text?.transformer.layers, .text, source)
    let locations = naming.locations(
      imageLayers: configuration.image?.transformer.layers ?? 0,
      textLayers: configuration.text?.transformer.layers ?? 0)
    var found: [String: TensorOrigin] = [:]
    for parameter in graph.parameters where constants[parameter.name] == nil {
      guard let location = locations[parameter.name] else {
        preconditionFailure("no scheme knows \(parameter.name)")
      }
      let reason = configuration.reason(for: parameter) + " in \(source)"
      found[parameter.name] = try origins.origin(of: parameter, location, reason)
    }
    return found
  }

  private func checkLayers(
    _ layers: Int?, _ tower: Tower, _ source: String
  ) throws(CheckpointError) {
    guard let layers else { return }
    let found = self.layers(of: tower)
    guard found > layers else { return }
    let table = naming.locations(
      imageLayers: tower == .image ? found : 0, textLayers: tower == .text ? found : 0)
    let extra = Names.weight(Names.Block(tower, layers).norm1)
    throw origins.refused(
      .inconsistent,
      "\(found) layers are here, \(tower.section).num_hidden_layers is \(layers) in \(source)",
      table[extra]?.name ?? extra)
  }

}

extension Origins {
  fileprivate func origin(
    of parameter: Parameter, _ location: TensorLocation, _ reason: String
  ) throws(CheckpointError) -> TensorOrigin {
    guard let number = shards.locations[location.name],
      let entry = shards.files[number].tensors.entry(named: location.name)
    else {
      throw refused(.inconsistent, "is missing, \(reason) asks for it", location.name)
    }
    guard entry.elementType.isWeightType else {
      throw refused(
        .unsupported,
        "dtype is \(entry.elementType.rawValue), F32, F16 or BF16 is supported for weights",
        location.name, number)
    }
    var extents = parameter.shape.extents
    if let part = location.part { extents[0] *= part.count }
    if location.isTransposed { extents.reverse() }
    // A scale may be a vector of one, a learned query a batch of one, a matrix a convolution of
    // single places.
    let stored = entry.shape.extents.filter { $0 != 1 }
    guard entry.shape.extents == extents || stored == extents.filter({ $0 != 1 }) else {
      let expected = Shape(extents)?.description ?? "\(extents)"
      throw refused(
        .inconsistent, "shape is \(entry.shape), \(expected) follows from \(reason)",
        location.name, number)
    }
    let rows = location.part.map { part in
      let count = extents[0] / part.count
      return part.index * count..<(part.index + 1) * count
    }
    return TensorOrigin(
      file: number, name: location.name, rows: rows, isTransposed: location.isTransposed,
      elementType: entry.elementType, shape: parameter.shape,
      range: range(of: entry, location.part))
  }

  private func range(of entry: TensorEntry, _ part: TensorLocation.Part?) -> Range<Int> {
    guard let part else { return 0..<entry.byteCount }
    let size = entry.byteCount / part.count
    return part.index * size..<(part.index + 1) * size
  }

  func refused(
    _ code: FormatError.Code, _ reason: String, _ tensor: String, _ file: Int? = nil
  ) -> CheckpointError {
    let path = file.map { shards.files[$0].tensors.file.path } ?? weights
    return .refused(path, FormatError(code, reason, tensor: tensor))
  }
}

extension Tower {
  /// Its part of a `config.json`.
  fileprivate var section: String { self == .image ? "vision_config" : "text_config" }
}

extension CLIPConfiguration {
  /// The keys of a `config.json` that a tensor's presence and shape follow from.
  fileprivate func reason(for parameter: Parameter) -> String {
    guard let tower = parameter.tower,
      let transformer = tower == .image ? image?.transformer : text?.transformer
    else { return "a model with both towers" }
    var keys = ["\(tower.section).hidden_size \(transformer.width)"]
    switch parameter.name {
    case Names.imageProjection, Names.textProjection:
      keys.append("projection_dim \(projectionWidth)")
    case Names.tokenTable: keys.append("vocab_size \(text?.vocabularySize ?? 0)")
    case Names.textPositions: keys.append("max_position_embeddings \(text?.positions ?? 0)")
    case Names.patchEmbedding: keys.append("patch_size \(image?.patchSize ?? 0)")
    case Names.imagePositions:
      keys.append("image_size \(image?.imageSize ?? 0), patch_size \(image?.patchSize ?? 0)")
    default:
      keys.append("intermediate_size \(transformer.hiddenWidth)")
      keys.append("num_hidden_layers \(transformer.layers)")
    }
    return keys.joined(separator: ", ")
  }
}
