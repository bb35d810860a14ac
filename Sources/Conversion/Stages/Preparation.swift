internal import Architecture
internal import Bytes
internal import Checkpoints
internal import Evidence
internal import PackFormat
internal import Quantisation
internal import SystemPackage

/// What all attempts at a pack share.
struct Preparation {
  let conversion: Conversion
  let checkpoint: Checkpoint
  let destination: FilePath
  let spec: ModelSpec
  /// Of the source files, which are still being read.
  let digests: SourceDigests
  /// `nil` where the tokenizer of a text tower that is not taken cannot be read.
  let space: SpaceDigest?
  /// `nil` when evidence is disabled.
  let original: OriginalAnswers?
  let calibration: Calibration?
  /// `nil` where no rate is asked for.
  let sensitivity: Sensitivity?
  /// What of the user's pictures and texts is left out or cut, a clause each.
  let notes: [String]

  /// Probes, and the original's embeddings of them in float32.
  struct OriginalAnswers {
    let probes: Probes
    let embeddings: ProbeEmbeddings
  }

  /// Reads everything but the weights, refuses what cannot become a pack, and runs the original.
  ///
  /// - Parameter rate: what a plan will be asked for; of several any, `nil` for none.
  init(
    of checkpoint: Checkpoint, for destination: FilePath, by conversion: Conversion, rate: Rate?,
    _ progress: (Conversion.Progress) -> Void
  ) throws {
    try Self.refuseSource(checkpoint, as: destination)
    let spec = try ModelSpec(checkpoint, conversion.recipe, conversion.tokenizerFolder)
    // Says at once where nothing can be written, and not after everything has been measured.
    _ = try AtomicFile(replacing: destination)
    digests = SourceDigests(of: checkpoint.sources)
    original = try Self.original(checkpoint, spec, conversion, rate, progress)
    let choice = conversion.calibration
    let isCalibrated = conversion.recipe.target == .int8 && choice != .none
    var inputs: TracedInputs?
    if isCalibrated || rate != nil {
      inputs = try TracedInputs(
        for: spec.graph, spec.preprocessing, spec.tokenizer,
        calibration: isCalibrated ? choice : .none)
    }
    notes = (original?.probes.notes ?? []) + (isCalibrated ? inputs?.notes ?? [] : [])
    let calibration =
      try isCalibrated
      ? inputs.map {
        try Calibration($0, checkpoint, spec.graph, conversion.pool) { progress(.calibrating($0)) }
      } : nil
    self.calibration = calibration
    sensitivity =
      try rate == nil
      ? nil
      : inputs.map {
        try Sensitivity(
          of: checkpoint, spec.graph, conversion.recipe, $0, calibration, conversion.pool
        ) { progress(.measuring($0)) }
      }
    space = try Self.space(checkpoint, spec, conversion)
    self.conversion = conversion
    self.checkpoint = checkpoint
    self.destination = destination
    self.spec = spec
  }

  private static func refuseSource(
    _ checkpoint: Checkpoint, as destination: FilePath
  ) throws(Refusal) {
    for source in checkpoint.sources where FileKind.areSame(source.file.path, destination) {
      throw Refusal(
        "the output '\(destination)' is the source itself", .isInput, about: destination)
    }
  }

  /// Runs the original; `nil` when evidence is disabled.
  private static func original(
    _ checkpoint: Checkpoint, _ spec: ModelSpec, _ conversion: Conversion, _ rate: Rate?,
    _ progress: (Conversion.Progress) -> Void
  ) throws -> OriginalAnswers? {
    let (images, texts) = (conversion.evidenceImages, conversion.evidenceTexts)
    try Probes.refuseUnusable(spec.graph, spec.tokenizer, images: images, texts: texts)
    guard conversion.makesEvidence else {
      guard case .minCosine = rate else { return nil }
      throw Refusal(
        "a lowest cosine is found by running the pack, and evidence is forbidden",
        .evidenceForbidden)
    }
    let probes = try Probes.gather(
      graph: spec.graph, preprocessing: spec.preprocessing, tokenizer: spec.tokenizer,
      images: images, texts: texts)
    progress(.runningOriginal)
    do {
      return OriginalAnswers(
        probes: probes,
        embeddings: try probes.embeddings(
          of: checkpoint, spec.graph, spec.preprocessing, conversion.pool, observing: true))
    } catch let error as Refusal where error.code == .noAnswer {
      throw try cause(of: error, checkpoint, spec, conversion)
    }
  }

  /// Why an original has no answers, where weights that are no numbers tell.
  ///
  /// - Throws: `Refusal` for weights that the recipe does not allow.
  private static func cause(
    of error: Refusal, _ checkpoint: Checkpoint, _ spec: ModelSpec, _ conversion: Conversion
  ) throws -> Refusal {
    let encoder = TensorEncoder(recipe: conversion.recipe, pool: conversion.pool)
    for parameter in spec.graph.parameters {
      defer { checkpoint.release(parameter.name) }
      let count = try encoder.nonFiniteCount(
        of: checkpoint.tensor(parameter.name), parameter.name)
      guard count > 0 else { continue }
      return Refusal(
        "\(error.reason); tensor \"\(parameter.name)\" has "
          + TensorEncoder.described(nonFinite: count), error.code)
    }
    return error
  }

  /// Of both towers, whichever are taken; a text tower's tokenizer is not needed without it.
  private static func space(
    _ checkpoint: Checkpoint, _ spec: ModelSpec, _ conversion: Conversion
  ) throws -> SpaceDigest? {
    let folder = conversion.tokenizerFolder
    let whole =
      spec.graph.text == nil
      ? try? Original(checkpoint, tokenizerFolder: folder)
      : try Original(checkpoint, tokenizerFolder: folder)
    return try whole.map { try SpaceDigest(of: $0, pool: conversion.pool) }
  }
}
