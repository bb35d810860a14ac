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
  /// The same for what else the pack can be computed in, and the lowest cosine to its own float32.
  var otherwise: [(compute: Compute, reached: Comparison, cosineToFloat32: Double)] = []
  /// The lowest cosine that `verify` accepts unless told otherwise.
  var floor: Double

  static let imageName = "evidence/original/image_embeds"
  static let textName = "evidence/original/text_embeds"

  /// The floor that a freshly made pack gets: what it reached, less a tenth of what it lost, so
  /// that another machine's rounding passes and a change for the worse does not.
  static func floor(for reached: Comparison) -> Double { floor(forCosine: reached.cosineMinimum) }

  private static func floor(forCosine cosine: Double) -> Double {
    let loss = 1 - cosine
    return loss.isFinite ? 1 - (loss * 1.1 + 1e-6) : 0
  }

  /// The fastest kind of computation that adds little to what the weights themselves have lost:
  /// int8, then bf16, where every cosine to the pack's own float32 is 0.999 or more.
  var recommended: Compute {
    let good = otherwise.filter { $0.cosineToFloat32 >= 0.999 }.map(\.compute)
    return [.int8, .bf16].first(where: good.contains) ?? .f32
  }

  func write(to writer: inout PackWriter) throws {
    try probes.write(to: &writer)
    for (name, rows) in [(Self.imageName, original.images), (Self.textName, original.texts)] {
      guard let width = rows.first?.count else { continue }
      guard let shape = Shape([rows.count, width]) else { continue }
      try writer.addEvidence(
        name, .float32, shape, Buffer(littleEndian: rows.flatMap(\.self)))
    }
    var float32 = reached.json
    float32["compute"] = "f32"
    let others = otherwise.map { entry in
      var object = entry.reached.json
      object["compute"] = .string(entry.compute.rawValue)
      object["cosine_to_f32_min"] = JSON(finite: entry.cosineToFloat32)
      return JSON.object(object)
    }
    try writer.add(
      .evidence,
      [
        "probes": [
          "images": .integer(probes.imageCount), "texts": .integer(probes.texts.count),
          "origin": .string(probes.origin),
        ],
        "min_cosine": JSON(finite: floor),
        "compute": .string(recommended.rawValue),
        "reached": .array([.object(float32)] + others),
      ])
  }

  /// What a pack recorded; `nil` for one that was made without evidence.
  struct Recorded {
    var probes: Probes
    var original: ProbeEmbeddings
    var floor: Double
    /// The lowest cosine of each tower that the pack reached when it was made.
    var cosineMinimum: Double
    /// The same for each kind of computation that was measured.
    private var minima: [String: Double] = [:]
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
      for reached in json["reached"]?.array ?? [] {
        let cosines = ["image_cosine_min", "text_cosine_min"].compactMap { reached[$0]?.double }
        minima[reached["compute"]?.string ?? "f32"] = cosines.min()
      }
      cosineMinimum = minima["f32"] ?? 0
      floor = json["min_cosine"]?.double ?? 0
      origin = json["probes"]?["origin"]?.string ?? "unknown"
    }

    /// The lowest cosine that passes: what was recorded for float32, and for other kinds of
    /// computation what they reached, less the same allowance; 0.999 where nobody measured.
    func floor(for compute: Compute) -> Double {
      guard compute != .f32 else { return floor }
      return minima[compute.rawValue].map { Evidence.floor(forCosine: $0) } ?? 0.999
    }
  }
}

extension Probes {
  /// What a checkpoint answers, in float32, a layer at a time.
  func embeddings(
    of checkpoint: Checkpoint, _ configuration: Configuration, _ preprocessing: Preprocessing?,
    _ pool: WorkerPool
  ) throws -> ProbeEmbeddings {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    let width = configuration.projectionWidth
    var result = ProbeEmbeddings()
    if let image = configuration.image, let preprocessing, imageCount > 0 {
      let tower = ImageTower(image, projectionWidth: width, weights: weights, pool: pool)
      let values = try pixels(preprocessing).flatMap(\.values)
      result.images = try tower.embed(values.span).rows
    }
    if let text = configuration.text, !texts.isEmpty {
      let tower = TextTower(text, projectionWidth: width, weights: weights, pool: pool)
      result.texts = try tower.embed(texts).rows
    }
    return result
  }

  /// What a packed model answers.
  func embeddings(of model: Model) throws -> ProbeEmbeddings {
    var result = ProbeEmbeddings()
    if imageCount > 0, model.imageTower != nil, let preprocessing = model.preprocessing {
      result.images = try model.embed(pixels: try pixels(preprocessing)).rows
    }
    if !texts.isEmpty, let tower = model.textTower {
      result.texts = try tower.embed(texts).rows
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
