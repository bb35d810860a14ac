internal import Architecture
internal import Bytes
public import ClipPack
internal import Kernels
internal import PackFormat
public import SystemPackage
internal import Towers

/// Whether a pack is sound and still answers like its original.
///
/// What each way of asking proves: `Formats/threats.md`, section 2.
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
  /// What could not be compared and is therefore not proven, a clause each.
  public package(set) var unproven: [String] = []
  /// What of the verifier's own pictures and texts was left out or cut, a clause each.
  public var notes: [String] = []
  /// What comparing the pack's data with the source's found; `nil` where there is no source.
  public package(set) var authenticity: Authenticity?
  /// Whether the pack is the source's and only the floor that nobody chose is not reached.
  public var isOnlyBelowDefaultFloor = false

  /// What the pack recorded of itself, for the report.
  public private(set) var record = Record()
  /// What was compared.
  package let probes: Probes?
  package let found: ProbeEmbeddings
  package let expected: ProbeEmbeddings

  public var hasPassed: Bool { failures.isEmpty }

  /// The lowest cosine that passes where the verifier names none and no record of the maker's is
  /// all there is: what is lost stays below what people see in rankings.
  public static let defaultFloor = 0.999

  init(
    _ found: ProbeEmbeddings, _ expected: ProbeEmbeddings, floor: Double, reference: String,
    probes: Probes? = nil, recorded: Evidence.Recorded? = nil
  ) {
    (self.found, self.expected, self.probes) = (found, expected, probes)
    if let recorded { record = Record(recorded) }
    self.reference = reference
    self.floor = floor
    comparison = Comparison(found, with: expected)
    imageCount = expected.images.count
    textCount = expected.texts.count
    failures = comparison.failures(floor: floor)
  }

  /// Runs the probes that the pack carries and compares with the answers that it recorded: with the
  /// maker's word.
  ///
  /// - Parameter minimumCosine: instead of the floor that the pack recorded.
  /// - Throws: `Refusal` for a pack without evidence.
  public static func ofEvidence(_ model: Model, minimumCosine: Double?) throws -> Verification {
    guard let recorded = try Evidence.Recorded(model.pack) else {
      throw Refusal("the pack has no evidence of what its original answers", .noEvidence)
    }
    let found = try recorded.probes.embeddings(of: model, observing: true)
    var verification = Verification(
      found, recorded.original, floor: minimumCosine ?? recorded.floor(for: model.compute),
      reference: "the original's recorded answers (\(recorded.origin) probes)",
      probes: recorded.probes, recorded: recorded)
    if let reached = recorded.reached(in: model.compute) {
      verification.failures += verification.comparison.regressions(
        from: reached.measures, in: model.compute)
    }
    if minimumCosine == nil, let objection = recorded.objectionToFloor {
      verification.failures.append(objection)
    }
    verification.failures += verification.unmeasured(of: model).map {
      "the \($0.rawValue) tower was not measured: the evidence has no probes for it"
    }
    return verification
  }

  /// The towers of the model that nothing was asked of.
  private func unmeasured(of model: Model) -> [Tower] {
    Tower.allCases.filter {
      model.graph[$0] != nil && ($0 == .image ? comparison.image : comparison.text) == nil
    }
  }

  /// Compares with a Python implementation's own answers: `pixel_values` (N, 3, H, W) and
  /// `input_ids` (M, L), and whichever of `image_embeds`, `text_embeds` and `logits_per_image` are
  /// there.
  ///
  /// - Parameter minimumCosine: `nil` for `defaultFloor`; never the pack's own.
  public static func withReference(
    _ path: FilePath, _ model: Model, minimumCosine: Double?
  ) throws -> Verification {
    let file = try ReferenceOutputs(path, model.graph)
    var found = ProbeEmbeddings(similarity: try model.similarityOfBoth())
    var expected = ProbeEmbeddings(givenLogits: file.logits)
    if let (pixels, embeddings) = file.images {
      guard let tower = model.imageTower else { throw ModelError.missing(.image) }
      expected.images = embeddings
      expected.imageStages = file.stages(of: tower.graph, count: embeddings.count)
      (found.images, found.imageStages) = try tower.embed(
        pixels.span, observing: expected.imageStages != nil)
    }
    if let (ids, embeddings) = file.texts {
      guard let tower = model.textTower else { throw ModelError.missing(.text) }
      expected.texts = embeddings
      expected.textStages = file.stages(
        of: tower.graph, count: ids.count,
        lengths: ids.map { $0.isEmpty ? 0 : tower.length(of: $0) })
      (found.texts, found.textStages) = try tower.embed(
        ids, observing: expected.textStages != nil)
    }
    guard !expected.images.isEmpty || !expected.texts.isEmpty else {
      throw Refusal(
        "'\(path)' has neither pixel_values with image_embeds nor input_ids with text_embeds",
        about: path)
    }
    var verification = Verification(
      found, expected, floor: minimumCosine ?? defaultFloor, reference: "'\(path)'")
    verification.isOnlyBelowDefaultFloor = minimumCosine == nil && verification.isBelowFloorAlone
    verification.unproven = verification.unmeasured(of: model).map {
      "'\(path)' has nothing for the \($0.rawValue) tower, which is therefore not proven"
    }
    return verification
  }

  /// Whether every failure is a cosine, a number, below the floor.
  var isBelowFloorAlone: Bool {
    !failures.isEmpty && comparison.cosineMinimum.isFinite
      && failures == comparison.failures(floor: floor)
      && comparison.failures(floor: -1).isEmpty
  }
}

extension Comparison {
  /// Why it does not pass, a clause each: a cosine below the floor, or what is no number.
  func failures(floor: Double) -> [String] {
    var failures: [String] = []
    for (tower, comparison) in [("image", image), ("text", text)] {
      guard let comparison else { continue }
      // Written so that a NaN fails.
      if !(comparison.cosineMinimum >= floor) {
        failures.append(
          "\(tower) cosine is \(decimal(comparison.cosineMinimum, 7)), at least "
            + "\(decimal(floor, 7)) is needed")
      } else if !comparison.maximumDifference.isFinite {
        failures.append("a value of the \(tower) embeddings is no number")
      }
    }
    if let answers, !answers.maximumDifference.isFinite {
      failures.append("a logit is no number or infinite")
    }
    return failures
  }
}
