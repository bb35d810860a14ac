internal import Architecture
internal import Bytes
public import Checkpoints
public import ClipPack
internal import Codecs
internal import Concurrency
internal import Kernels
public import PackFormat
public import SystemPackage
internal import Tensors
internal import Towers

/// Whether a pack is sound and still answers like its original.
public struct Verification: Sendable {
  /// What the pack's answers were compared with, for people.
  public var reference: String
  public var comparison: Comparison
  /// The lowest cosine that passes.
  public var floor: Double
  public var imageCount: Int
  public var textCount: Int
  /// Why it does not pass, a clause each; empty when it does.
  public var failures: [String] = []

  /// What the pack recorded of itself, for the report.
  public private(set) var record = Record()
  /// What was compared.
  let probes: Probes?
  let found: ProbeEmbeddings
  let expected: ProbeEmbeddings

  public var hasPassed: Bool { failures.isEmpty }

  private init(
    _ found: ProbeEmbeddings, _ expected: ProbeEmbeddings, _ model: Model, floor: Double,
    reference: String, probes: Probes? = nil, recorded: Evidence.Recorded? = nil
  ) {
    (self.found, self.expected, self.probes) = (found, expected, probes)
    if let recorded { record = Record(recorded) }
    self.reference = reference
    self.floor = floor
    comparison = Comparison(found, with: expected)
    imageCount = expected.images.count
    textCount = expected.texts.count
    for (tower, agreement) in [("image", comparison.image), ("text", comparison.text)] {
      // Written so that a NaN fails.
      guard let agreement, !(agreement.cosineMinimum >= floor) else { continue }
      failures.append(
        "\(tower) cosine is \(decimal(agreement.cosineMinimum, 7)), at least "
          + "\(decimal(floor, 7)) is needed")
    }
  }

  /// Runs the probes that the pack carries and compares with the answers that it recorded.
  ///
  /// - Parameter minimumCosine: instead of the floor that the pack recorded.
  /// - Throws: `Refusal` for a pack without evidence.
  public static func ofEvidence(_ model: Model, minimumCosine: Double?) throws -> Verification {
    guard let recorded = try Evidence.Recorded(model.pack) else {
      throw Refusal("the pack has no evidence of what its original answers", .noEvidence)
    }
    let found = try recorded.probes.embeddings(of: model, observing: true)
    var verification = Verification(
      found, recorded.original, model, floor: minimumCosine ?? recorded.floor(for: model.compute),
      reference: "the original's recorded answers (\(recorded.origin) probes)",
      probes: recorded.probes, recorded: recorded)
    verification.failures += verification.comparison.regressions(
      from: recorded.reached(in: model.compute), in: model.compute)
    return verification
  }

  /// Runs the source and the pack side by side.
  ///
  /// - Parameters:
  ///   - images: the user's pictures; the pack's own probes, or the built-in ones, where empty.
  ///   - minimumCosine: instead of the floor that the pack recorded.
  public static func against(
    _ checkpoint: Checkpoint, _ model: Model, images: [FilePath], texts: [String],
    minimumCosine: Double?
  ) throws -> Verification {
    try checkArchitecture(checkpoint, model)
    try Probes.refuseUnusable(
      model.configuration, model.tokenizer, images: images, texts: texts)
    let recorded = try Evidence.Recorded(model.pack)
    let probes: Probes
    if let recorded, images.isEmpty, texts.isEmpty {
      probes = recorded.probes
    } else {
      probes = try Probes.gather(
        configuration: model.configuration, preprocessing: model.preprocessing,
        tokenizer: model.tokenizer, images: images, texts: texts)
    }
    let original = try probes.embeddings(
      of: checkpoint, model.configuration, model.preprocessing, model.pool,
      observing: true)
    return Verification(
      try probes.embeddings(of: model, observing: true), original, model,
      floor: minimumCosine ?? recorded?.floor(for: model.compute) ?? 0.999,
      reference: "the source, run now in float32",
      probes: probes, recorded: recorded)
  }

  static func checkArchitecture(_ checkpoint: Checkpoint, _ model: Model) throws(Refusal) {
    var source = checkpoint.configuration
    if model.configuration.image == nil { source.image = nil }
    if model.configuration.text == nil { source.text = nil }
    guard source == model.configuration else {
      throw Refusal(
        "the source '\(checkpoint.folder.isEmpty ? "." : checkpoint.folder)' is of another "
          + "architecture than the pack: "
          + (firstDifference(source.json, model.configuration.json) ?? "pooling differs"),
        about: checkpoint.folder)
    }
  }

  /// The first member that differs, as a clause; `nil` where all are the same.
  private static func firstDifference(
    _ source: JSON, _ pack: JSON, _ place: String = ""
  ) -> String? {
    guard let mine = source.object, let other = pack.object else {
      return source == pack
        ? nil : "\(place) is \(source.excerpt), the pack has \(pack.excerpt)"
    }
    for key in mine.keys + other.keys {
      let name = place.isEmpty ? key : "\(place).\(key)"
      if let clause = firstDifference(mine[key] ?? .null, other[key] ?? .null, name) {
        return clause
      }
    }
    return nil
  }

  /// Compares with a Python implementation's own answers: `pixel_values` (N, 3, H, W) and
  /// `input_ids` (M, L), and whichever of `image_embeds`, `text_embeds` and `logits_per_image` are
  /// there.
  public static func withReference(
    _ path: FilePath, _ model: Model, minimumCosine: Double?
  ) throws -> Verification {
    let file = try ReferenceOutputs(path, model.configuration)
    var found = ProbeEmbeddings(similarity: try model.similarityOfBoth())
    var expected = ProbeEmbeddings(givenLogits: file.logits)
    if let (pixels, embeddings) = file.images {
      guard let tower = model.imageTower else { throw ModelError.missing(.image) }
      let transformer = tower.configuration.transformer
      expected.images = embeddings
      expected.imageStages = file.stages(
        "vision", layers: transformer.layers, width: transformer.width,
        lengths: Array(repeating: tower.configuration.positions, count: embeddings.count))
      (found.images, found.imageStages) = try tower.embed(
        pixels.span, observing: expected.imageStages != nil)
    }
    if let (ids, embeddings) = file.texts {
      guard let tower = model.textTower else { throw ModelError.missing(.text) }
      let transformer = tower.configuration.transformer
      expected.texts = embeddings
      expected.textStages = file.stages(
        "text", layers: transformer.layers, width: transformer.width,
        lengths: ids.map { $0.isEmpty ? 0 : tower.length(of: $0) })
      (found.texts, found.textStages) = try tower.embed(
        ids, observing: expected.textStages != nil)
    }
    guard !expected.images.isEmpty || !expected.texts.isEmpty else {
      throw Refusal(
        "'\(path)' has neither pixel_values with image_embeds nor input_ids with text_embeds",
        about: path)
    }
    let recorded = try Evidence.Recorded(model.pack)
    return Verification(
      found, expected, model, floor: minimumCosine ?? recorded?.floor(for: model.compute) ?? 0.999,
      reference: "'\(path)'")
  }

  /// Codes the source again as the recipe says and compares every block.
  ///
  /// - Returns: what differs first, as a clause; `nil` where all is equal.
  public static func rebuild(_ checkpoint: Checkpoint, _ pack: Pack) throws -> String? {
    guard let json = try pack.json(.recipe) else { throw Refusal("the pack has no recipe") }
    let recipe = try Recipe(decoding: json)
    let contract = try Contract(checkpoint, recipe, nil)
    for (name, source) in contract.sections {
      // A tokenizer that was given apart from the checkpoint cannot be compared with it.
      if source == nil, name == .tokenizer { continue }
      if try pack.json(name) != source {
        return "section \"\(name.rawValue)\" differs from what the source says"
      }
    }
    let encoder = TensorEncoder(recipe: recipe, pool: pack.pool)
    for parameter in contract.configuration.parameters {
      guard let packed = pack.tensor(parameter.name) else {
        return "tensor \"\(parameter.name)\" is missing"
      }
      defer { checkpoint.release(parameter.name) }
      if let expected = recipe.codings[parameter.name]?.squaredError {
        if try pack.squaredError(of: packed, from: checkpoint.tensor(parameter.name)) != expected {
          return "tensor \"\(parameter.name)\" differs from the source by another error than the "
            + "recipe says"
        }
        continue
      }
      let encoded = try encoder.encode(checkpoint.tensor(parameter.name), parameter)
      if let difference = packed.firstDifference(from: encoded) {
        return "tensor \"\(parameter.name)\" \(difference)"
      }
    }
    return nil
  }
}

extension Pack {
  /// Σ (value − code · step)² of a tensor on a grid; `nil` for one that is not, or of other extents.
  fileprivate func squaredError(of packed: PackedTensor, from source: Tensor) throws -> Double? {
    guard packed.codec == PackedTensor.Codec.grid.rawValue, packed.shape == source.shape else {
      return nil
    }
    return Grid.squaredError(
      of: source,
      codes: Tensor(packed.streams[0].elementType, packed.shape, try read(packed, stream: 0)),
      steps: try read(packed, stream: 1), pool: pool)
  }
}

extension PackedTensor {
  /// Where what a pack holds first differs from what a source gives.
  fileprivate func firstDifference(from encoded: TensorEncoder.Encoded) -> String? {
    guard streams.count == encoded.content.count, shape == encoded.description.shape,
      codec == encoded.description.codec, elementType == encoded.description.elementType,
      zip(streams, encoded.content).allSatisfy({
        $0.elementType == $1.elementType && $0.size == $1.bytes.count
      })
    else { return "is stored in another form than the recipe gives" }
    for (stream, content) in zip(streams, encoded.content) {
      for index in stream.digests.indices {
        let block = content.bytes.bytes.extracting(stream.range(ofBlock: index))
        guard Digest(of: block) == stream.digests[index] else {
          return "differs from the source in block \(index + 1) of \(stream.digests.count)"
        }
      }
    }
    return nil
  }
}

/// A number with so many digits after the point.
public func decimal(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
  let scaled = (abs(value) * factor).rounded()
  guard scaled < 9e15 else { return "\(value)" }
  let whole = Int(scaled) / Int(factor)
  let rest = String(Int(scaled) % Int(factor))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return digits == 0
    ? sign + String(whole)
    : sign + "\(whole)." + String(repeating: "0", count: digits - rest.count) + rest
}
