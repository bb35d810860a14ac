package import Architecture
internal import Bytes
package import Checkpoints
package import ClipPack
package import Concurrency
internal import Images
package import Kernels
package import PackFormat
internal import Tensors
internal import Towers

/// The proof that travels in a pack: probes, the original's embeddings of them, and how near the
/// packed model came.
package struct Evidence: Sendable {
  package var probes: Probes
  /// What the original answered, in float32.
  package var original: ProbeEmbeddings
  /// How the pack agreed with it when it was made.
  package var reached: Comparison
  /// The same for what else the pack can be computed in, and the lowest cosine to its own float32.
  package var otherModes: [(compute: Compute, reached: Comparison, cosineToFloat32: Double)] = []
  /// The lowest cosine that `verify` accepts unless told otherwise.
  var floor: Double
  /// What became of each tensor, where that was measured.
  package var tensors: [TensorMeasure] = []

  package init(probes: Probes, original: ProbeEmbeddings, reached: Comparison, floor: Double) {
    self.probes = probes
    self.original = original
    self.reached = reached
    self.floor = floor
  }

  static let imageName = "evidence/original/image_embeds"
  static let textName = "evidence/original/text_embeds"

  /// The floor that a freshly made pack gets: what it reached, less a tenth of what it lost, so
  /// that another machine's rounding passes and a change for the worse does not.
  package static func floor(for reached: Comparison) -> Double {
    floor(forCosine: reached.cosineMinimum, in: .f32)
  }

  private static func floor(forCosine cosine: Double, in compute: Compute) -> Double {
    let loss = 1 - cosine
    return loss.isFinite ? 1 - (loss * compute.errorTolerance + 1e-6) : 0
  }

  /// The fastest kind of computation that adds little to what the weights themselves have lost:
  /// int8, then bf16, where every cosine to the pack's own float32 is 0.999 or more.
  var recommended: Compute {
    let good = otherModes.filter { $0.cosineToFloat32 >= 0.999 }.map(\.compute)
    return [.int8, .bf16].first(where: good.contains) ?? .f32
  }

  package func write(to writer: inout PackWriter) throws {
    try probes.write(to: &writer)
    for (name, rows) in [(Self.imageName, original.images), (Self.textName, original.texts)] {
      guard let width = rows.first?.count else { continue }
      guard let shape = Shape([rows.count, width]) else { continue }
      try writer.addEvidence(
        name, .float32, shape, Buffer(littleEndian: rows.flatMap(\.self)))
    }
    try writer.add(.evidence, document.json)
  }

  private var document: EvidenceDocument {
    let float32 = EvidenceDocument.Reached(
      .f32, reached.measures, imageStages: reached.imageStages, textStages: reached.textStages)
    let others = otherModes.map {
      EvidenceDocument.Reached(
        $0.compute, $0.reached.measures, cosineToFloat32: $0.cosineToFloat32)
    }
    return EvidenceDocument(
      probes: .init(
        images: probes.imageCount, texts: probes.texts.count, origin: probes.origin),
      minimumCosine: floor, logitScale: original.similarity.map { Double($0.scale) },
      logitBias: original.similarity.map { Double($0.bias) }, compute: recommended,
      reached: [float32] + others, tensors: tensors)
  }

  /// What a pack recorded; `nil` for one that was made without evidence.
  struct Recorded {
    package var probes: Probes
    package var original: ProbeEmbeddings
    var floor: Double
    private let document: EvidenceDocument

    var tensors: [TensorMeasure] { document.tensors }
    /// Where the probes came from, as recorded.
    var origin: String { document.probes.origin }

    init?(_ pack: Pack) throws {
      guard let document = try pack.evidenceDocument() else { return nil }
      self.document = document
      try Self.refuseUnusable(pack)
      probes = try Probes(of: pack)
      original = ProbeEmbeddings(
        images: try Self.rows(of: Evidence.imageName, pack),
        texts: try Self.rows(of: Evidence.textName, pack))
      guard original.images.count == probes.imageCount, original.texts.count == probes.texts.count
      else {
        throw Refusal(
          "the evidence has embeddings of \(original.images.count) pictures and "
            + "\(original.texts.count) texts for \(probes.imageCount) and \(probes.texts.count)")
      }
      guard probes.imageCount + probes.texts.count > 0, let floor = document.minimumCosine else {
        throw Refusal("the evidence has no probes, or no min_cosine to hold them against")
      }
      self.floor = floor
      let bias = Float(document.logitBias ?? 0)
      original.similarity = document.logitScale.map { Similarity(scale: Float($0), bias: bias) }
      probes.origin = origin
    }

    /// Probes for a tower that the pack does not have prove nothing, and nothing can be asked.
    private static func refuseUnusable(_ pack: Pack) throws {
      guard let network = try pack.json(.network).map({ try Network(parsing: $0) }) else { return }
      for (tower, names) in [
        (Tower.image, [Probes.pixelsName, Evidence.imageName]),
        (.text, [Probes.idsName, Evidence.textName]),
      ] where network[tower] == nil {
        for name in names where pack.evidenceTensor(name) != nil {
          throw Refusal("the evidence has \(name), and the pack has no \(tower.rawValue) tower")
        }
      }
    }

    /// Recorded embeddings, which must be as wide as the model's own.
    private static func rows(of name: String, _ pack: Pack) throws -> [[Float]] {
      guard let tensor = try pack.evidence(name, .float32) else { return [] }
      let width = try pack.json(.network).map { try NetworkGraph(Network(parsing: $0)).width }
      guard tensor.shape.extents.count == 2, tensor.columns == width else {
        throw Refusal("\(name) is \(tensor.shape), [count, \(width ?? 0)] is needed")
      }
      return tensor.floatRows
    }

    /// What the pack reached in one kind of computation; `nil` where it was not measured.
    func reached(in compute: Compute) -> EvidenceDocument.Reached? {
      document.reached(in: compute)
    }

    /// Why no floor of the maker's can be believed, as a clause: it lies outside what a floor is,
    /// or below what was reached when it was recorded.
    var objectionToFloor: String? {
      guard floor > 0, floor <= 1 else {
        return "the recorded floor of cosines is \(floor), above 0 and at most 1 is allowed"
      }
      guard let reached = reached(in: .f32)?.measures.lowestCosine else {
        return "the evidence does not say which cosine was reached"
      }
      let lowest = Evidence.floor(forCosine: reached, in: .f32)
      return floor >= lowest - 1e-9
        ? nil
        : "the recorded floor of cosines is \(decimal(floor, 7)), for what was reached at least "
          + "\(decimal(lowest, 7)) is needed"
    }

    /// The lowest cosine that passes: what was recorded for float32, and for other kinds of
    /// computation what they reached, less the same allowance; 0.999 where that was not measured.
    func floor(for compute: Compute) -> Double {
      guard compute != .f32 else { return floor }
      return reached(in: compute)?.measures.lowestCosine
        .map { Evidence.floor(forCosine: $0, in: compute) } ?? 0.999
    }
  }
}

extension Pack {
  /// Reads the evidence without running anything, and says whether there is some.
  package func readEvidence() throws -> Bool { try Evidence.Recorded(self) != nil }
}

extension Probes {
  /// What a checkpoint answers, in float32, a layer at a time.
  ///
  /// - Parameter observing: whether stages are kept too.
  /// - Throws: `Refusal` for an original of which an answer is no embedding.
  package func embeddings(
    of checkpoint: Checkpoint, _ graph: NetworkGraph, _ preprocessing: Preprocessing?,
    _ pool: WorkerPool, observing: Bool
  ) throws -> ProbeEmbeddings {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    var result: ProbeEmbeddings
    do {
      result = try embeddings(
        graph.image.map { ImageTower($0, weights: weights, pool: pool) },
        graph.text.map { TextTower($0, weights: weights, pool: pool) }, preprocessing,
        observing: observing)
    } catch let error as TowerError where error.code == .embedding {
      throw Refusal("the original has no answer: \(error)", .noAnswer)
    }
    result.similarity = try graph.network.scores.map { try Similarity($0, weights) }
    return result
  }

  /// What a packed model answers.
  package func embeddings(of model: Model, observing: Bool) throws -> ProbeEmbeddings {
    var result = try embeddings(
      model.imageTower, model.textTower, model.preprocessing, observing: observing)
    result.similarity = try model.similarityOfBoth()
    return result
  }

  private func embeddings(
    _ imageTower: ImageTower?, _ textTower: TextTower?, _ preprocessing: Preprocessing?,
    observing: Bool
  ) throws -> ProbeEmbeddings {
    var result = ProbeEmbeddings()
    // Evidence is a document like any other: it may ask a tower that is not there.
    guard imageCount == 0 || imageTower != nil && preprocessing != nil else {
      throw Refusal("the probes are \(imageCount) pictures, and the model has no image tower")
    }
    guard texts.isEmpty || textTower != nil else {
      throw Refusal("the probes are \(texts.count) texts, and the model has no text tower")
    }
    if let imageTower, let preprocessing, imageCount > 0 {
      let (_, height, width) = imageTower.size
      guard imageSize == height, imageSize == width else {
        throw Refusal(
          "the probes are pictures of \(imageSize)×\(imageSize) pixels, the model takes "
            + "\(height)×\(width)")
      }
      let values = try pixels(preprocessing).flatMap(\.values)
      (result.images, result.imageStages) = try imageTower.embed(
        values.span, observing: observing)
    }
    if let textTower, !texts.isEmpty {
      (result.texts, result.textStages) = try textTower.embed(texts, observing: observing)
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
