internal import Architecture
internal import Bytes
public import Checkpoints
public import ClipPack
internal import Codecs
internal import Concurrency
internal import Kernels
internal import PackFormat
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
  package let probes: Probes?
  package let found: ProbeEmbeddings
  package let expected: ProbeEmbeddings

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
      model.graph, model.tokenizer, images: images, texts: texts)
    let recorded = try Evidence.Recorded(model.pack)
    let probes: Probes
    if let recorded, images.isEmpty, texts.isEmpty {
      probes = recorded.probes
    } else {
      probes = try Probes.gather(
        graph: model.graph, preprocessing: model.preprocessing,
        tokenizer: model.tokenizer, images: images, texts: texts)
    }
    let original = try probes.embeddings(
      of: checkpoint, model.graph, model.preprocessing, model.pool,
      observing: true)
    return Verification(
      try probes.embeddings(of: model, observing: true), original, model,
      floor: minimumCosine ?? recorded?.floor(for: model.compute) ?? 0.999,
      reference: "the source, run now in float32",
      probes: probes, recorded: recorded)
  }

  static func checkArchitecture(_ checkpoint: Checkpoint, _ model: Model) throws(Refusal) {
    let towers = Set(Tower.allCases.filter { model.graph[$0] != nil })
    let source = checkpoint.family.keeping(towers)?.network
    guard source == model.graph.network else {
      throw Refusal(
        "the source '\(checkpoint.folder.isEmpty ? "." : checkpoint.folder)' is of another "
          + "architecture than the pack: "
          + (firstDifference(source?.json ?? .null, model.graph.network.json) ?? "it differs"),
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
    let file = try ReferenceOutputs(path, model.graph)
    var found = ProbeEmbeddings(similarity: try model.similarityOfBoth())
    var expected = ProbeEmbeddings(givenLogits: file.logits)
    if let (pixels, embeddings) = file.images {
      guard let tower = model.imageTower else { throw ModelError.missing(.image) }
      expected.images = embeddings
      expected.imageStages = file.stages(
        of: tower.graph,
        lengths: Array(repeating: tower.graph.tokenRows, count: embeddings.count))
      (found.images, found.imageStages) = try tower.embed(
        pixels.span, observing: expected.imageStages != nil)
    }
    if let (ids, embeddings) = file.texts {
      guard let tower = model.textTower else { throw ModelError.missing(.text) }
      expected.texts = embeddings
      expected.textStages = file.stages(
        of: tower.graph,
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
}
