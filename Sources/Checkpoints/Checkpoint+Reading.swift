internal import Architecture
internal import Bytes
internal import SystemPackage
internal import Tensors

extension Checkpoint {
  /// What weights and the files beside them say together.
  struct Reading {
    var family: any Family
    var graph: NetworkGraph
    var origins: [String: TensorOrigin]
    /// The tensors that no file holds.
    var constants: [String: Tensor] = [:]
    var preprocessing: Preprocessing?
    var assumptions: [String]
  }

  /// Finds the family of the weights and each of its tensors.
  static func reading(
    _ origins: Origins, _ settings: Settings
  ) throws(CheckpointError) -> Reading {
    try settings.checkActivation()
    let files = try settings.modelFiles(origins.shards)
    let recognised: RecognisedModel?
    do throws(FormatError) { recognised = try Families.recognise(files) } catch {
      throw .refused(origins.weights, error)
    }
    guard let recognised else { return try clip(origins, settings) }
    let graph = try graph(of: recognised.family, origins.weights)
    var reading = Reading(
      family: recognised.family, graph: graph,
      origins: try origins.all(of: graph, recognised),
      constants: constants(of: graph, recognised), assumptions: recognised.assumptions)
    try origins.refuseUnused(reading.origins, leftOut: recognised.leftOut)
    guard let size = graph.imageSize else { return reading }
    if let found = try settings.preprocessing(
      for: recognised.isOpenCLIP ? .openCLIP : .transformers, imageSize: size)
    {
      reading.preprocessing = found.value
    } else {
      reading.preprocessing = recognised.preprocessing
      reading.assumptions.append(
        "no file beside the weights says how pictures are prepared; they are as the family's "
          + "published models need them")
    }
    return reading
  }

  /// The tensors that no file holds.
  private static func constants(
    of graph: NetworkGraph, _ model: RecognisedModel
  ) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for parameter in graph.parameters {
      guard let values = model.constants[parameter.name] else { continue }
      result[parameter.name] = Tensor(.float32, parameter.shape, Buffer(littleEndian: values))
    }
    return result
  }

  private static func graph(
    of family: any Family, _ weights: FilePath
  ) throws(CheckpointError) -> NetworkGraph {
    do throws(FormatError) { return try family.graph() } catch {
      throw .refused(weights, error)
    }
  }

  // MARK: CLIP

  private static func clip(
    _ origins: Origins, _ settings: Settings
  ) throws(CheckpointError) -> Reading {
    let naming = try naming(of: origins, settings)
    let named = CLIPOrigins(naming: naming, origins: origins)
    var described = try configuration(named, settings)
    named.dropMissing(from: &described.configuration, &described.assumptions)
    let graph = try graph(of: described.configuration, origins.weights)
    let found = try named.all(of: described.configuration, graph, described.name)
    let (preprocessing, assumptions) = try preprocessing(described, naming.scheme, settings)
    return Reading(
      family: described.configuration, graph: graph, origins: found,
      preprocessing: preprocessing, assumptions: assumptions)
  }

  private static func naming(
    of origins: Origins, _ settings: Settings
  ) throws(CheckpointError) -> CLIPNaming {
    do throws(FormatError) {
      return try CLIPNaming(recognising: Array(origins.shards.locations.keys).sorted())
    } catch {
      // A configuration that names another model says it better than its tensors do.
      try settings.checkModelType()
      throw .refused(origins.weights, error)
    }
  }

  /// A configuration, where it comes from, and what was assumed for it.
  private struct Described {
    var configuration: CLIPConfiguration
    var name: String
    var assumptions: [String]
  }

  private static func configuration(
    _ origins: CLIPOrigins, _ settings: Settings
  ) throws(CheckpointError) -> Described {
    if let found = try settings.configuration(for: origins.naming.scheme) {
      return Described(
        configuration: found.value, name: found.path.lastComponent?.string ?? "", assumptions: [])
    }
    let locations = origins.naming.locations(imageLayers: 1, textLayers: 1)
    do throws(FormatError) {
      let inference = try Inference(
        imageLayers: origins.layers(of: .image), textLayers: origins.layers(of: .text),
        activation: settings.activation
      ) { locations[$0].flatMap(origins.shape) }
      return Described(
        configuration: inference.configuration, name: "the shapes of the other tensors",
        assumptions: ["no config.json is beside the weights; their shapes say what it would"]
          + inference.assumptions)
    } catch { throw .refused(origins.weights, error) }
  }

  private static func preprocessing(
    _ described: Described, _ scheme: CLIPNaming.Scheme, _ settings: Settings
  ) throws(CheckpointError) -> (Preprocessing?, [String]) {
    guard let image = described.configuration.image else { return (nil, described.assumptions) }
    if let found = try settings.preprocessing(for: scheme, imageSize: image.imageSize) {
      return (found.value, described.assumptions)
    }
    var preprocessing = Preprocessing.clip(imageSize: image.imageSize)
    if scheme == .openCLIP {
      preprocessing.cropOffset = .round
      preprocessing.alpha = .drop
    }
    return (
      preprocessing,
      described.assumptions + [
        "no preprocessor_config.json is beside the weights; pictures are resized, cropped to "
          + "\(image.imageSize)×\(image.imageSize) and normalised as OpenAI's models need it"
      ]
    )
  }
}

extension Origins {
  /// Tensors that say nothing about the forward pass.
  private static let harmless = [
    "position_ids", "num_batches_tracked", "relative_position_index", "attn_mask",
  ]

  /// Refuses tensors that the network has no use for.
  ///
  /// - Parameters:
  ///   - used: where the network's tensors stand.
  ///   - leftOut: what the names of those begin with that may stay without a use.
  fileprivate func refuseUnused(
    _ used: [String: TensorOrigin], leftOut: [String]
  ) throws(CheckpointError) {
    let names = Set(used.values.map(\.name))
    for name in shards.locations.keys.sorted() where !names.contains(name) {
      if Self.harmless.contains(where: name.hasSuffix) { continue }
      if leftOut.contains(where: name.hasPrefix) { continue }
      throw .refused(
        weights,
        FormatError(
          .unsupported, "belongs to no part of the model that this program knows", tensor: name))
    }
  }
}

extension CLIPOrigins {
  /// Leaves out what a configuration describes and the weights lack as a whole: one of two towers,
  /// and the projection of a tower by itself.
  ///
  /// - Parameter notes: where that is said.
  fileprivate func dropMissing(
    from configuration: inout CLIPConfiguration, _ notes: inout [String]
  ) {
    let locations = naming.locations(imageLayers: 0, textLayers: 0)
    func isHere(_ name: String) -> Bool {
      locations[name].map { origins.shards.locations[$0.name] != nil } ?? false
    }
    if configuration.image != nil, configuration.text != nil {
      if !isHere(Names.tokenTable), !isHere(Names.textProjection), layers(of: .text) == 0 {
        configuration.text = nil
        notes.append("the text tower that the configuration describes is not among the weights")
      } else if !isHere(Names.patchEmbedding), !isHere(Names.imageProjection),
        layers(of: .image) == 0
      {
        configuration.image = nil
        notes.append("the image tower that the configuration describes is not among the weights")
      }
    }
    guard configuration.image == nil || configuration.text == nil else { return }
    let projection = configuration.image == nil ? Names.textProjection : Names.imageProjection
    if !isHere(projection) {
      configuration.hasProjection = false
      notes.append(
        "the tower has no projection, so its pooled state is the embedding, in a space of its own")
    }
  }
}
