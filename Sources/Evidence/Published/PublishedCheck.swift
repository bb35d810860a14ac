internal import Architecture
internal import Bytes
public import ClipPack
internal import Kernels
internal import PackFormat
internal import Towers

/// Whether a pack gives the answers that others have published of a checkpoint's original weights.
public struct PublishedCheck: Sendable {
  /// The checkpoint's name.
  public var checkpoint: String
  public var results: [Result] = []

  /// One part of a tensor, compared.
  public struct Result: Sendable {
    public var source: String
    public var tensor: String
    /// The value that is furthest from the published one, which that is, and where it stands.
    public var found: Double
    public var published: Double
    public var place: [Int]
    /// By how much it may differ.
    public var allowed: Double

    public var difference: Double { abs(found - published) }
    // Written so that a NaN fails.
    public var hasPassed: Bool { difference <= allowed }
  }

  public var hasPassed: Bool { results.allSatisfy(\.hasPassed) }

  /// A clause for each that is too far off, and what that means.
  public var failures: [String] {
    results.filter { !$0.hasPassed }.map { result in
      "\(result.tensor)\(result.place) is \(decimal(result.found, 4)), \(result.source) has "
        + "\(decimal(result.published, 4)) and a difference of at most "
        + "\(decimal(result.allowed, 4)) "
        + "is allowed; these are not the original weights of \(checkpoint)"
    }
  }

  /// The first checkpoint whose shape a model has; `nil` where there is none.
  public static func candidate(
    for model: Model, among all: [PublishedAnswers]
  ) -> PublishedAnswers? {
    all.first { $0.fits(model.graph.network) }
  }

  /// Asks the model what was asked of the original.
  ///
  /// - Throws: `Refusal` for a model of another shape than all checkpoints, one whose loss is not
  ///   known, and where nothing can be asked.
  /// - Precondition: the model computes in float32.
  public init(_ model: Model, among all: [PublishedAnswers]) throws {
    precondition(model.compute == .f32, "published answers are float32")
    guard let published = Self.candidate(for: model, among: all) else {
      throw Refusal(
        "the model has another shape than all checkpoints with published answers ("
          + all.map(\.name).joined(separator: ", ") + ")")
    }
    checkpoint = published.name
    let loss = try PublishedLoss(model.pack)
    for answer in published.answers {
      guard model.imageTower != nil || answer.pixelValues.isEmpty,
        model.textTower != nil || answer.inputIDs.isEmpty
      else { continue }
      let outputs = try PublishedOutputs(answer, model)
      for slice in answer.expected {
        results.append(
          try Self.compare(
            slice, with: outputs, answer.source,
            allowed: answer.tolerance + loss.margin(of: slice.tensor, outputs)))
      }
    }
    guard !results.isEmpty else {
      throw Refusal(
        "nothing is published of \(checkpoint) that can be asked of the towers in this pack")
    }
  }

  private static func compare(
    _ slice: PublishedAnswers.Slice, with outputs: PublishedOutputs, _ source: String,
    allowed: Double
  ) throws -> Result {
    let extents = outputs.extents(of: slice.tensor)
    guard extents.count == slice.extents.count,
      zip(zip(slice.from, slice.extents), extents).allSatisfy({ $0.0 + $0.1 <= $1 })
    else {
      throw Refusal(
        "\(source): \(slice.tensor) from \(slice.from) of \(slice.extents) is asked for, "
          + (extents.isEmpty ? "the model has no such output" : "the model gives \(extents)"))
    }
    var worst: Result?
    for (index, published) in slice.values.enumerated() {
      var (rest, place) = (index, slice.from)
      for axis in place.indices.reversed() {
        place[axis] += rest % slice.extents[axis]
        rest /= slice.extents[axis]
      }
      let result = Result(
        source: source, tensor: slice.tensor, found: outputs.value(of: slice.tensor, at: place),
        published: Double(published), place: place, allowed: allowed)
      if let before = worst, !(result.difference > before.difference), !result.difference.isNaN {
        continue
      }
      worst = result
      if result.difference.isNaN { break }
    }
    return worst!
  }
}

/// By how much a pack may differ from the original, as far as its own record says.
private struct PublishedLoss {
  private var logits = 0.0
  private var embeddings: [Tower: Double] = [:]
  private var stages: [Tower: StageErrors] = [:]

  /// How many times as large an error may be, because the questions are others than those of the
  /// record; of a stage the root mean square is recorded, which single elements exceed.
  private static let (ratio, stageRatio) = (3.0, 6.0)
  /// However much a pack has lost: more is no longer recognised as the original. Of a logit scale
  /// of 100 two hundredths; of an embedding's length two hundredths; of a stage's values a quarter.
  private static let largest = (logits: 2.0, embeddings: 0.02, stages: 0.25)

  /// - Throws: `Refusal` for a pack that has lost something and does not say how much.
  init(_ pack: Pack) throws {
    guard try !pack.isLossless else { return }
    guard let reached = try Evidence.Recorded(pack)?.reached(in: .f32) else {
      throw Refusal(
        "the pack has no evidence to tell how far its rounding may lead, as one that lost "
          + "something needs", .noEvidence)
    }
    func recorded(_ measure: Measure) -> Double {
      // What is no number excuses nothing.
      reached.measures[measure].flatMap { $0.isFinite ? $0 : nil } ?? 0
    }
    logits = recorded(.logitsMaximumDifference)
    embeddings = [
      .image: recorded(.imageMaximumDifference), .text: recorded(.textMaximumDifference),
    ]
    stages = [
      .image: reached.imageStages ?? StageErrors(), .text: reached.textStages ?? StageErrors(),
    ]
  }

  func margin(of tensor: String, _ outputs: PublishedOutputs) -> Double {
    switch tensor {
    case "logits_per_image": return min(Self.ratio * logits, Self.largest.logits)
    case "image_embeds", "text_embeds":
      let recorded = embeddings[tensor == "image_embeds" ? .image : .text] ?? 0
      return min(Self.ratio * recorded, Self.largest.embeddings)
    default:
      let tower: Tower = tensor.hasPrefix("vision_") ? .image : .text
      guard let errors = stages[tower],
        let index = errors.names.firstIndex(where: {
          ReferenceOutputs.name(of: $0, tower) == tensor
        })
      else { return 0 }
      return min(Self.stageRatio * errors.errors[index], Self.largest.stages)
        * outputs.rootMeanSquare(of: tensor)
    }
  }
}
