internal import Architecture
internal import Bytes
internal import CLIP
internal import Checkpoints
internal import ClipPack
internal import Inputs
internal import Kernels
internal import PackFormat
internal import Tensors

/// The proof that travels in a pack: probes, the original's embeddings of them, and how near the
/// packed model came.
struct Evidence: Sendable {
  var probes: Probes
  /// What the original answered, in float32.
  var original: ProbeEmbeddings
  /// How the pack agreed with it when it was made.
  var reached: Comparison
  /// The lowest cosine that `verify` accepts unless told otherwise.
  var floor: Double
  /// What became of each tensor, where that was measured.
  var tensors: [TensorMeasure] = []

  static let imageName = "evidence/original/image_embeds"
  static let textName = "evidence/original/text_embeds"

  /// The floor that a freshly made pack gets: what it reached, less a tenth of what it lost, so
  /// that another machine's rounding passes and a change for the worse does not.
  static func floor(for reached: Comparison) -> Double {
    let loss = 1 - reached.cosineMinimum
    return loss.isFinite ? 1 - (loss * 1.1 + 1e-6) : 0
  }

  func write(to writer: inout PackWriter) throws {
    try probes.write(to: &writer)
    for (name, rows) in [(Self.imageName, original.images), (Self.textName, original.texts)] {
      guard let width = rows.first?.count else { continue }
      guard let shape = Shape([rows.count, width]) else { continue }
      try writer.addEvidence(
        name, .float32, shape, Buffer(littleEndian: rows.flatMap(\.self)))
    }
    var object = reached.json
    object["compute"] = "f32"
    if let stages = reached.imageStages { object["image_stages"] = stages.json }
    if let stages = reached.textStages { object["text_stages"] = stages.json }
    try writer.add(
      .evidence,
      [
        "probes": [
          "images": .integer(probes.imageCount), "texts": .integer(probes.texts.count),
          "origin": .string(probes.origin),
        ],
        "min_cosine": JSON(finite: floor),
        "reached": .array([.object(object)]),
        "tensors": .array(tensors.map(\.json)),
      ])
  }

  /// What a pack recorded; `nil` for one that was made without evidence.
  struct Recorded {
    var probes: Probes
    var original: ProbeEmbeddings
    var floor: Double
    /// What the pack reached in float32 when it was made: the members of `Comparison.json`.
    var reached: JSON
    var tensors: [TensorMeasure]
    /// `probes.origin`, as recorded.
    var origin: String

    init?(_ pack: Pack) throws {
      guard let json = try pack.json(.evidence) else { return nil }
      probes = try Probes(of: pack)
      original = ProbeEmbeddings(
        images: try pack.evidence(Evidence.imageName, .float32)?.floatRows ?? [],
        texts: try pack.evidence(Evidence.textName, .float32)?.floatRows ?? [])
      guard original.images.count == probes.imageCount, original.texts.count == probes.texts.count
      else {
        throw Refusal(
          "the evidence has embeddings of \(original.images.count) pictures and "
            + "\(original.texts.count) texts for \(probes.imageCount) and \(probes.texts.count)")
      }
      reached =
        json["reached"]?.array?.first { $0["compute"]?.string ?? "f32" == "f32" } ?? .null
      tensors = json["tensors"]?.array?.compactMap(TensorMeasure.init) ?? []
      floor = json["min_cosine"]?.double ?? 0
      origin = json["probes"]?["origin"]?.string ?? "unknown"
      probes.origin = origin
    }
  }
}

extension Probes {
  /// What a checkpoint answers, in float32, a layer at a time.
  ///
  /// - Parameter observing: whether stages are kept too.
  func embeddings(
    of checkpoint: Checkpoint, _ configuration: Configuration, _ preprocessing: Preprocessing?,
    _ pool: WorkerPool, observing: Bool
  ) throws -> ProbeEmbeddings {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    let width = configuration.projectionWidth
    return try embeddings(
      configuration.image.map {
        ImageTower($0, projectionWidth: width, weights: weights, pool: pool)
      },
      configuration.text.map {
        TextTower($0, projectionWidth: width, weights: weights, pool: pool)
      }, preprocessing, observing: observing)
  }

  /// What a packed model answers.
  func embeddings(of model: Model, observing: Bool) throws -> ProbeEmbeddings {
    try embeddings(model.imageTower, model.textTower, model.preprocessing, observing: observing)
  }

  private func embeddings(
    _ imageTower: ImageTower?, _ textTower: TextTower?, _ preprocessing: Preprocessing?,
    observing: Bool
  ) throws -> ProbeEmbeddings {
    var result = ProbeEmbeddings()
    if let imageTower, let preprocessing, imageCount > 0 {
      guard imageSize == imageTower.configuration.imageSize else {
        throw Refusal(
          "the probes are pictures of \(imageSize)×\(imageSize) pixels, the model takes "
            + "\(imageTower.configuration.imageSize)×\(imageTower.configuration.imageSize)")
      }
      let values = try pixels(preprocessing).flatMap(\.values)
      var sample = StageSample()
      let observe: Observer = { stage, rows in
        sample.take(
          stage, rows, width: imageTower.configuration.transformer.width,
          projectionWidth: imageTower.projectionWidth)
      }
      result.images = try imageTower.embed(values.span, observe: observing ? observe : nil).rows
      if observing { result.imageStages = sample }
    }
    if let textTower, !texts.isEmpty {
      var sample = StageSample()
      let observe: Observer = { stage, rows in
        sample.take(
          stage, rows, width: textTower.configuration.transformer.width,
          projectionWidth: textTower.projectionWidth)
      }
      result.texts = try textTower.embed(texts, observe: observing ? observe : nil).rows
      if observing { result.textStages = sample }
    }
    return result
  }
}

extension Tensor {
  /// The rows of a float32 matrix.
  fileprivate var floatRows: [[Float]] {
    let all = floats
    return (0..<rows).map { Array(all[$0 * columns..<($0 + 1) * columns]) }
  }
}
