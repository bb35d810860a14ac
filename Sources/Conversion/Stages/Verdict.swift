internal import PackFormat

/// What becomes of an attempt; one that misses its target, with nothing better to try, is refused.
enum Verdict: ~Copyable {
  case accept(Candidate)
  case retry(Plan)

  /// Judges the weights' size first, so that no pack is run that will not be kept.
  ///
  /// - Throws: `Refusal` where no plan reaches the target.
  init(
    on attempt: consuming Attempt, of plan: Plan, _ prepared: Preparation,
    _ progress: (Conversion.Progress) -> Void
  ) throws {
    if let next = try plan.next(afterWeights: attempt.writer.compactModelBytes) {
      self = .retry(next)
      return
    }
    let candidate = try Candidate(measuring: attempt, prepared, progress)
    if let next = try plan.next(afterFile: candidate.writer.fileSize, candidate.comparison) {
      self = .retry(next)
      return
    }
    try candidate.check()
    try plan.checkTarget(bytes: candidate.writer.fileSize, candidate.comparison)
    self = .accept(candidate)
  }
}
