internal import Bytes
internal import ClipPack
internal import Evidence
internal import Kernels
internal import PackFormat
internal import Quantisation
internal import Towers

/// A whole pack, evidence and provenance included, that lacks only its name.
struct Candidate: ~Copyable {
  var writer: PackWriter
  /// With the original in float32; `nil` when evidence is disabled, and where the pack is silent.
  let comparison: Comparison?
  /// What people should know of the weights, a sentence each.
  let notes: [String]
  private let erased: ErasedMatrices
  /// Why it has no answers where the original has some.
  private let silence: Refusal?

  /// Runs the pack on the original's probes, and writes down what came of it.
  init(
    measuring attempt: consuming Attempt, _ prepared: Preparation,
    _ progress: (Conversion.Progress) -> Void
  ) throws {
    let (recipe, measures) = (attempt.recipe, attempt.measures)
    erased = attempt.erased
    notes = attempt.notes + attempt.erased.notes
    var writer = attempt.writer
    var comparison: Comparison?
    var silence: Refusal?
    writer.beginEvidence()
    if let original = prepared.original {
      progress(.runningPack)
      do {
        let evidence = try Evidence(
          comparing: writer.readBack(), original.probes, original.embeddings, measures)
        try evidence.write(to: &writer)
        comparison = evidence.reached
      } catch let error as TowerError where error.code == .embedding {
        silence = Refusal(
          "the original has answers and the pack has none: \(error)", .nothingLeft)
      }
    }
    progress(.finishing)
    let provenance = Provenance(
      checkpoint: prepared.checkpoint, digests: try prepared.digests.wait(), recipe: recipe,
      space: prepared.space)
    try provenance.write(to: &writer)
    self.writer = writer
    self.comparison = comparison
    self.silence = silence
  }

  /// - Throws: `Refusal` where nothing is left that answers.
  func check() throws(Refusal) {
    try erased.check()
    if let silence { throw silence }
  }

  /// What it shows of its rate; `nil` when evidence is disabled.
  func point(of prepared: Preparation) -> Frontier.Point? {
    comparison.map {
      Frontier.Point(
        bitsPerWeight: 8 * Double(writer.compactModelBytes) / Double(prepared.spec.parameterCount),
        packBytes: writer.fileSize, agreement: $0)
    }
  }
}

extension Evidence {
  /// What a pack answers in every kind of computation that makes a difference to it.
  fileprivate init(
    comparing pack: Pack, _ probes: Probes, _ original: ProbeEmbeddings,
    _ measures: [TensorMeasure]
  ) throws {
    let float32 = try probes.embeddings(
      of: Model(pack, keepingMatrices: false), observing: true)
    let reached = Comparison(float32, with: original)
    self.init(
      probes: probes, original: original, reached: reached, floor: Evidence.floor(for: reached))
    for compute in [Compute.bf16, .int8] where pack.distinguishes(compute) {
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      let found = try probes.embeddings(of: model, observing: false)
      otherModes.append(
        (
          compute, Comparison(found, with: original),
          Comparison(found, with: float32).cosineMinimum
        ))
    }
    tensors = measures
  }
}

extension Pack {
  /// Whether a kind of computation makes a difference to this pack.
  fileprivate func distinguishes(_ compute: Compute) -> Bool {
    switch compute {
    case .f32, .bf16: true
    case .int8: tensors.contains { $0.isModel && $0.content.isGrid }
    }
  }
}
