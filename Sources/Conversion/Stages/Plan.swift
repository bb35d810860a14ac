internal import Architecture
internal import Bytes
internal import Evidence
internal import Quantisation
internal import Tensors

/// How an attempt codes the weights.
struct Plan {
  /// With the step of each tensor.
  let recipe: Recipe
  /// `nil` where no rate is asked for, so that the first plan is the only one.
  private let search: RateSearch?
  /// Of the search.
  private let levels: RateSearch.Levels
  /// What earlier plans came to.
  private let tried: [RateSearch.Attempt]
  /// What people should know of how weights are coded.
  var note: String? { search?.note }

  /// The first plan for a rate.
  init(_ prepared: Preparation, rate: Rate?) throws {
    var recipe = prepared.conversion.recipe
    recipe.calibration = prepared.calibration?.inputs.description
    guard let rate else {
      self.init(recipe, nil, RateSearch.Levels(), [])
      return
    }
    guard let sensitivity = prepared.sensitivity else {
      preconditionFailure("prepared for no rate")
    }
    let coded = sensitivity.entries.reduce(0) { $0 + $1.parameter.shape.count }
    let search = try RateSearch(
      rate, sensitivity, prepared.calibration,
      others: prepared.spec.parameterCount - coded, prepared.checkpoint, prepared.conversion.pool)
    self.init(recipe.asking(rate), search, search.start, [])
  }

  private init(
    _ recipe: Recipe, _ search: RateSearch?, _ levels: RateSearch.Levels,
    _ tried: [RateSearch.Attempt]
  ) {
    var recipe = recipe
    recipe.codings = search?.codings(at: levels) ?? [:]
    self.recipe = recipe
    self.search = search
    self.levels = levels
    self.tried = tried
  }

  /// What to try instead of an attempt whose weights take that many bytes in compact storage; `nil`
  /// where they are as many as was asked for, or the whole pack decides.
  func next(afterWeights bytes: Int) throws -> Plan? {
    guard let search, search.isOfWeights else { return nil }
    return try next(search, RateSearch.Attempt(levels: levels, weightBytes: bytes))
  }

  /// What to try instead of a whole pack of that many bytes; `nil` where it is what was asked for,
  /// or nothing better is known.
  ///
  /// - Parameter comparison: of the pack with its original; `nil` when evidence is disabled.
  func next(afterFile bytes: Int, _ comparison: Comparison?) throws -> Plan? {
    guard let search, !search.isOfWeights else { return nil }
    return try next(
      search, RateSearch.Attempt(levels: levels, fileBytes: bytes, reached: comparison))
  }

  private func next(_ search: RateSearch, _ attempt: RateSearch.Attempt) throws -> Plan? {
    let attempts = tried + [attempt]
    guard case .again(let levels) = try search.verdict(on: attempts) else { return nil }
    return Plan(recipe, search, levels, attempts)
  }

  /// Refuses a pack that misses the rate's target, when there is no next plan.
  func checkTarget(bytes: Int, _ comparison: Comparison?) throws(Refusal) {
    switch recipe.rate {
    case .minCosine(let cosine):
      guard let reached = comparison?.cosineMinimum, !(reached >= cosine) else { return }
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
}

extension Recipe {
  fileprivate func asking(_ rate: Rate) -> Recipe {
    var recipe = self
    recipe.rate = rate
    return recipe
  }
}
