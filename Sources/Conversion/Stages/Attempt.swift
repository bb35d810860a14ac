internal import Architecture
internal import Bytes
internal import Checkpoints
internal import Codecs
internal import Evidence
internal import PackFormat
internal import Quantisation
internal import Tensors

/// The content of a pack, coded as a plan says, in a file that goes again unless it is sealed.
struct Attempt: ~Copyable {
  let recipe: Recipe
  var writer: PackWriter
  private(set) var measures: [TensorMeasure]
  private(set) var erased: ErasedMatrices
  /// What people should know of the weights, a sentence each.
  private(set) var notes: [String]

  /// - Throws: `Refusal` for weights that the recipe cannot carry; `FileError`.
  init(
    _ plan: Plan, _ prepared: Preparation, _ progress: (Conversion.Progress) -> Void
  ) throws {
    let (conversion, recipe) = (prepared.conversion, plan.recipe)
    let writer = try PackWriter(
      prepared.destination, storage: conversion.storage,
      measuringCompact: conversion.makesEvidence || recipe.rate != nil, pool: conversion.pool)
    var attempt = Attempt(recipe: recipe, writer: writer)
    try prepared.spec.write(to: &attempt.writer)
    try attempt.writer.add(.recipe, recipe.json)
    try attempt.writeModel(prepared, progress)
    if Provenance.canRestore(prepared.checkpoint, recipe) {
      try attempt.writeCompanions(of: prepared.checkpoint)
    }
    attempt.notes += [plan.note].compactMap(\.self)
    self = attempt
  }

  private init(recipe: Recipe, writer: consuming PackWriter) {
    self.recipe = recipe
    self.writer = writer
    measures = []
    erased = ErasedMatrices()
    notes = []
  }

  private mutating func writeModel(
    _ prepared: Preparation, _ progress: (Conversion.Progress) -> Void
  ) throws {
    let pool = prepared.conversion.pool
    let encoder = TensorEncoder(recipe: recipe, pool: pool)
    let parameters = prepared.spec.graph.parameters
    var grids: [String: Grid?] = [:]
    let total = Double(prepared.spec.parameterCount)
    var done = 0
    for (index, parameter) in parameters.enumerated() {
      if let calibration = prepared.calibration, calibration.covers(parameter.name),
        grids[parameter.name] == nil
      {
        grids = calibration.grids(
          ofFirst: parameters[index...], prepared.checkpoint, recipe.codings, pool)
      }
      let grid = grids.removeValue(forKey: parameter.name) ?? nil
      let encoded =
        try grid.map { encoder.describe($0, parameter) }
        ?? encoder.encode(prepared.checkpoint.tensor(parameter.name), parameter)
      erased.add(parameter, isErased: encoded.isErased)
      let before = writer.compactModelBytes
      try writer.add(encoded.tensor)
      measures.append(
        TensorMeasure(
          parameter.name, compactBytes: writer.compactModelBytes - before,
          count: parameter.shape.count, relativeSquaredError: encoded.relativeSquaredError))
      if encoded.nonFiniteCount > 0 {
        notes.append(
          "tensor \"\(parameter.name)\" has "
            + "\(TensorEncoder.described(nonFinite: encoded.nonFiniteCount)); it is kept as it is")
      }
      prepared.checkpoint.release(parameter.name)
      done += parameter.shape.count
      progress(.coding(Double(done) / total))
    }
  }

  /// What the source files hold beside the model, so that they can be restored.
  private mutating func writeCompanions(of checkpoint: Checkpoint) throws {
    for companion in checkpoint.companions {
      guard companion.name.utf8.count <= PackWriter.longestName else {
        throw Refusal(
          "a tensor's name is \(companion.name.utf8.count) bytes, at most "
            + "\(PackWriter.longestName) are allowed (\"\(companion.name.prefix(60))…\")")
      }
      let encoded = TensorEncoder.companion(companion.name, companion.tensor())
      try writer.add(encoded.tensor)
    }
  }
}
