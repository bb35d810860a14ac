internal import Architecture
internal import Bytes
public import Checkpoints
internal import ClipPack
internal import Codecs
public import Concurrency
public import Evidence
internal import Kernels
public import PackFormat
public import Quantisation
public import SystemPackage
internal import Tensors
internal import Towers

/// Makes a pack of a checkpoint: tensor by tensor, so that memory follows the largest tensor and
/// not the model.
public struct Conversion: Sendable {
  public var recipe: Recipe
  public var storage: Storage
  /// `nil` where the files beside the weights are to be used.
  public var tokenizerFolder: FilePath?
  /// Pictures and texts to measure with; the built-in ones where empty.
  public var evidenceImages: [FilePath] = []
  public var evidenceTexts: [String] = []
  /// What weights are rounded for; unless something is said, for built-in pictures and texts where a
  /// rate is asked for, and else each by itself.
  public var calibration: CalibrationChoice?
  /// Whether the original and the pack are run and compared.
  public var makesEvidence = true
  public var pool: WorkerPool

  public init(recipe: Recipe, storage: Storage = .compact, pool: WorkerPool) {
    self.recipe = recipe
    self.storage = storage
    self.pool = pool
  }

  /// What a conversion did.
  public struct Summary: Sendable {
    public var sourceBytes: Int
    public var packBytes: Int
    /// What the model's tensors take in the pack.
    public var weightBytes: Int
    public var parameterCount: Int
    public var contentDigest: Digest
    /// `nil` without evidence.
    public var agreement: Comparison?
    /// What had to be assumed or left out, a sentence each.
    public var notes: [String]

    public var bitsPerWeight: Double { 8 * Double(weightBytes) / Double(parameterCount) }
  }

  /// How far a conversion is.
  public enum Progress: Sendable {
    /// So many of the tensors have been looked at.
    case measuring(Double)
    /// So many of the tensors have been rounded for their layers' inputs.
    case calibrating(Double)
    /// So many of the model's bytes have been coded.
    case coding(Double)
    case runningOriginal
    case runningPack
    case finishing
  }

  /// Converts a checkpoint.
  ///
  /// - Throws: `Refusal`, `FileError`, `FormatError`, `CheckpointError`; nothing is written then.
  public func run(
    _ checkpoint: Checkpoint, to destination: FilePath,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Summary {
    let prepared = try prepare(checkpoint, destination, progress)
    let spec = prepared.spec
    var search = try recipe.rate.map { try prepared.search($0, pool) }
    let parameterCount = spec.parameterCount
    while true {
      var attempt = try attempt(prepared, search?.codings ?? [:], destination, progress)
      let weightBytes = attempt.writer.modelBytes
      if var next = search,
        try next.isWorthAnother(
          afterWeights: attempt.writer.compactModelBytes, of: parameterCount)
      {
        search = next
        continue
      }
      try measure(&attempt, prepared, progress)
      if var next = search,
        try next.isWorthAnother(afterFile: attempt.writer.fileSize, attempt.agreement)
      {
        search = next
        continue
      }
      for source in checkpoint.sources where source.file.hasChanged {
        throw Refusal(
          "'\(source.file.path)' has changed while it was read, so the pack would be of no one "
            + "checkpoint; convert again when nobody writes to it", about: source.file.path)
      }
      let (agreement, notes) = (attempt.agreement, attempt.notes)
      try checkTarget(attempt.writer.fileSize, agreement)
      let preamble = try attempt.writer.finish()
      return Summary(
        sourceBytes: checkpoint.files.reduce(0) { $0 + $1.tensors.file.count },
        packBytes: preamble.fileSize, weightBytes: weightBytes,
        parameterCount: parameterCount,
        contentDigest: preamble.contentDigest, agreement: agreement,
        notes: checkpoint.assumptions + spec.notes + notes)
    }
  }

  /// What a pack of each of some rates would be, without making any.
  ///
  /// - Parameters:
  ///   - bits: stored bits a weight.
  ///   - destination: a file beside which there is room for a pack while it is measured.
  /// - Throws: as `run`.
  public func explore(
    _ checkpoint: Checkpoint, bits: [Double], beside destination: FilePath,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Frontier {
    let prepared = try prepare(checkpoint, destination, progress)
    let count = prepared.spec.parameterCount
    return Frontier(
      points: try bits.map { bits in
        var search = try prepared.search(.bits(bits), pool)
        var attempt = try attempt(prepared, search.codings, destination, progress)
        while try search.isWorthAnother(
          afterWeights: attempt.writer.compactModelBytes, of: count)
        {
          attempt = try self.attempt(prepared, search.codings, destination, progress)
        }
        let reached = 8 * Double(attempt.writer.compactModelBytes) / Double(count)
        try measure(&attempt, prepared, progress)
        guard let agreement = attempt.agreement else {
          throw Refusal("exploring runs the packs, and evidence is forbidden", .evidenceForbidden)
        }
        return Frontier.Point(
          bitsPerWeight: reached, packBytes: attempt.writer.fileSize, agreement: agreement)
      })
  }

  /// What all attempts share.
  private struct Preparation {
    let checkpoint: Checkpoint
    let spec: ModelSpec
    let digests: SourceDigests
    let space: SpaceDigest?
    /// `nil` when evidence is forbidden.
    let evidence: (probes: Probes, embeddings: ProbeEmbeddings)?
    let calibration: Calibration?
    /// `nil` where no rate is asked for.
    let sensitivity: Sensitivity?

    func search(_ rate: Rate, _ pool: WorkerPool) throws -> RateSearch {
      guard let sensitivity else { throw Refusal("there is no rate to look for") }
      let coded = sensitivity.entries.reduce(0) { $0 + $1.parameter.shape.count }
      return try RateSearch(
        rate, sensitivity, others: spec.parameterCount - coded, checkpoint, pool)
    }
  }

  private func prepare(
    _ checkpoint: Checkpoint, _ destination: FilePath, _ progress: (Progress) -> Void
  ) throws -> Preparation {
    try refuseSource(checkpoint, as: destination)
    let spec = try ModelSpec(checkpoint, recipe, tokenizerFolder)
    // Says at once where nothing can be written, and not after everything has been measured.
    _ = try AtomicFile(replacing: destination)
    let digests = SourceDigests(of: checkpoint.sources)
    try Probes.refuseUnusable(
      spec.graph, spec.tokenizer, images: evidenceImages, texts: evidenceTexts)
    let evidence = try original(checkpoint, spec, progress)
    let choice = calibration ?? (recipe.rate == nil ? .none : .builtIn)
    func inputs(_ choice: CalibrationChoice) throws -> TracedInputs {
      try TracedInputs(
        for: spec.graph, spec.preprocessing, spec.tokenizer, calibration: choice)
    }
    var calibration: Calibration?
    if recipe.target == .int8, choice != .none {
      calibration = Calibration(inputs: try inputs(choice))
    }
    var sensitivity: Sensitivity?
    if recipe.rate != nil {
      sensitivity = try Sensitivity(
        of: checkpoint, spec.graph, recipe,
        calibration?.inputs ?? inputs(.none),
        isCalibrated: calibration != nil, pool
      ) { progress(.measuring($0)) }
    }
    // Of both towers, whichever are taken; a text tower's tokenizer is not needed without it.
    let whole =
      spec.graph.text == nil
      ? try? Original(checkpoint, tokenizerFolder: tokenizerFolder)
      : try Original(checkpoint, tokenizerFolder: tokenizerFolder)
    let space = try whole.map { try SpaceDigest(of: $0, pool: pool) }
    return Preparation(
      checkpoint: checkpoint, spec: spec, digests: digests, space: space, evidence: evidence,
      calibration: calibration, sensitivity: sensitivity)
  }

  /// All content of a pack.
  private func attempt(
    _ prepared: Preparation, _ codings: [String: Recipe.Coding], _ destination: FilePath,
    _ progress: (Progress) -> Void
  ) throws -> Attempt {
    var recipe = recipe
    recipe.codings = codings
    let (checkpoint, spec) = (prepared.checkpoint, prepared.spec)
    var attempt = try Attempt(
      recipe: recipe,
      writer: PackWriter(
        destination, storage: storage,
        measuringCompact: makesEvidence || recipe.rate != nil, pool: pool))
    let grids =
      try prepared.calibration?.grids(checkpoint, spec.graph, codings, pool) {
        progress(.calibrating($0))
      } ?? [:]
    for (name, grid) in grids {
      attempt.recipe.codings[name, default: Recipe.Coding()].squaredError = grid.squaredError
    }
    try write(checkpoint, spec, attempt.recipe, grids, to: &attempt, progress)
    return attempt
  }

  /// All evidence.
  private func measure(
    _ attempt: inout Attempt, _ prepared: Preparation, _ progress: (Progress) -> Void
  ) throws {
    if let evidence = prepared.evidence {
      try gather(evidence, &attempt, progress)
    } else {
      attempt.writer.beginEvidence()
    }
    progress(.finishing)
    let provenance = Provenance(
      checkpoint: prepared.checkpoint, digests: try prepared.digests.wait(),
      recipe: attempt.recipe, space: prepared.space)
    try provenance.write(to: &attempt.writer)
  }

  /// A pack on its way, which goes again unless it turns out to be what was asked for.
  private struct Attempt: ~Copyable {
    var recipe: Recipe
    var writer: PackWriter
    var measures: [TensorMeasure] = []
    var agreement: Comparison?
    /// What people should know of the weights, a sentence each.
    var notes: [String] = []

    init(recipe: Recipe, writer: consuming PackWriter) {
      self.recipe = recipe
      self.writer = writer
    }
  }

  /// All content.
  private func write(
    _ checkpoint: Checkpoint, _ spec: ModelSpec, _ recipe: Recipe, _ grids: [String: Grid],
    to attempt: inout Attempt, _ progress: (Progress) -> Void
  ) throws {
    try spec.write(to: &attempt.writer)
    try attempt.writer.add(.recipe, recipe.json)
    let encoder = TensorEncoder(recipe: recipe, pool: pool)
    let parameters = spec.graph.parameters
    let total = Double(parameters.reduce(0) { $0 + $1.shape.count })
    var done = 0
    for parameter in parameters {
      let encoded =
        try grids[parameter.name].map { encoder.describe($0, parameter) }
        ?? encoder.encode(checkpoint.tensor(parameter.name), parameter)
      let before = attempt.writer.compactModelBytes
      try attempt.writer.add(encoded.description, encoded.content)
      attempt.measures.append(
        TensorMeasure(
          parameter.name, compactBytes: attempt.writer.compactModelBytes - before,
          count: parameter.shape.count, relativeSquaredError: encoded.relativeSquaredError))
      if encoded.nonFiniteCount > 0 {
        attempt.notes.append(
          "tensor \"\(parameter.name)\" has "
            + "\(TensorEncoder.described(nonFinite: encoded.nonFiniteCount)); it is kept as it is")
      }
      checkpoint.release(parameter.name)
      done += parameter.shape.count
      progress(.coding(Double(done) / total))
    }
    guard Provenance.canRestore(checkpoint, recipe) else { return }
    for companion in checkpoint.companions {
      guard companion.name.utf8.count <= PackWriter.longestName else {
        throw Refusal(
          "a tensor's name is \(companion.name.utf8.count) bytes, at most "
            + "\(PackWriter.longestName) are allowed (\"\(companion.name.prefix(60))…\")")
      }
      let encoded = TensorEncoder.companion(companion.name, companion.tensor())
      try attempt.writer.add(encoded.description, encoded.content)
    }
  }

  private func probes(_ spec: ModelSpec) throws -> Probes {
    try Probes.gather(
      graph: spec.graph, preprocessing: spec.preprocessing,
      tokenizer: spec.tokenizer, images: evidenceImages, texts: evidenceTexts)
  }

  /// What the original answers; `nil` when evidence is forbidden.
  private func original(
    _ checkpoint: Checkpoint, _ spec: ModelSpec, _ progress: (Progress) -> Void
  ) throws -> (probes: Probes, embeddings: ProbeEmbeddings)? {
    guard makesEvidence else {
      guard case .minCosine = recipe.rate else { return nil }
      throw Refusal(
        "a lowest cosine is found by running the pack, and evidence is forbidden",
        .evidenceForbidden)
    }
    let probes = try probes(spec)
    progress(.runningOriginal)
    return (
      probes,
      try probes.embeddings(
        of: checkpoint, spec.graph, spec.preprocessing, pool,
        observing: true)
    )
  }

  private func gather(
    _ original: (probes: Probes, embeddings: ProbeEmbeddings), _ attempt: inout Attempt,
    _ progress: (Progress) -> Void
  ) throws {
    attempt.writer.beginEvidence()
    progress(.runningPack)
    let pack = try attempt.writer.readBack()
    let float32 = try original.probes.embeddings(
      of: Model(pack, keepingMatrices: false), observing: true)
    let reached = Comparison(float32, with: original.embeddings)
    var evidence = Evidence(
      probes: original.probes, original: original.embeddings, reached: reached,
      floor: Evidence.floor(for: reached))
    for compute in [Compute.bf16, .int8] where pack.has(compute) {
      let model = try Model(pack, keepingMatrices: false, compute: compute)
      let found = try original.probes.embeddings(of: model, observing: false)
      evidence.otherwise.append(
        (
          compute, Comparison(found, with: original.embeddings),
          Comparison(found, with: float32).cosineMinimum
        ))
    }
    evidence.tensors = attempt.measures
    try evidence.write(to: &attempt.writer)
    attempt.agreement = reached
  }

  /// A target that was set holds for the finished pack, or there is none.
  private func checkTarget(_ bytes: Int, _ agreement: Comparison?) throws(Refusal) {
    switch recipe.rate {
    case .minCosine(let cosine):
      guard let reached = agreement?.cosineMinimum, !(reached >= cosine) else { return }
      throw Refusal(
        "no pack was found that reaches a cosine of \(cosine); the best has \(reached)",
        .cosineOutOfReach)
    case .maxBytes(let limit):
      guard bytes > limit else { return }
      throw Refusal(
        "no pack was found that fits \(limit) bytes; the smallest has \(bytes)")
    case nil, .bits: return
    }
  }

  private func refuseSource(_ checkpoint: Checkpoint, as destination: FilePath) throws(Refusal) {
    for source in checkpoint.sources where FileKind.areSame(source.file.path, destination) {
      throw Refusal(
        "the output '\(destination)' is the source itself", .isInput, about: destination)
    }
  }
}

extension Pack {
  /// Whether a kind of computation makes a difference to this pack.
  fileprivate func has(_ compute: Compute) -> Bool {
    switch compute {
    case .f32, .bf16: true
    case .int8: tensors.contains { $0.isModel && $0.codec == PackedTensor.Codec.grid.rawValue }
    }
  }
}
