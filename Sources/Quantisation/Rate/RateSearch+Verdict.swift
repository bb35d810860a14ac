internal import Architecture
internal import Bytes
internal import Evidence
internal import Kernels

extension RateSearch {
  package enum Verdict: Equatable {
    case accepted
    case again(Levels)
  }

  /// Whether the size of the tensors alone decides, so that no attempt but the last need be a
  /// whole file.
  package var isOfWeights: Bool {
    if case .bits = rate { true } else { false }
  }

  /// What to make of the last of some attempts, given all of them.
  ///
  /// - Precondition: there is one; where tensors do not decide, files were finished.
  /// - Throws: `Refusal` where no attempt will do.
  package func verdict(on attempts: [Attempt]) throws -> Verdict {
    guard let last = attempts.last else { preconditionFailure("a verdict on nothing") }
    // What was tried before is tried again only to be kept.
    guard count > 0, !attempts.dropLast().contains(where: { $0.levels == last.levels }) else {
      return .accepted
    }
    return switch rate {
    case .bits(let bits): verdict(on: attempts, last, bits: bits)
    case .maxBytes(let limit): try verdict(on: attempts, last, limit: limit)
    case .minCosine(let cosine): try verdict(on: attempts, last, cosine: cosine)
    }
  }

  // MARK: Bits

  /// Bits a weight.
  private static let closeEnough = 0.0095

  private func verdict(on attempts: [Attempt], _ last: Attempt, bits target: Double) -> Verdict {
    func bits(_ attempt: Attempt) -> Double { 8 * Double(attempt.weightBytes) / parameters }
    func miss(_ attempt: Attempt) -> Double { abs(bits(attempt) - target) }
    guard miss(last) > Self.closeEnough else { return .accepted }
    guard attempts.count < Self.maximumAttempts,
      let next = next(after: attempts, last, to: target, bits)
    else {
      let best = attempts.min { miss($0) < miss($1) } ?? last
      return best.levels == last.levels ? .accepted : .again(best.levels)
    }
    return .again(next)
  }

  /// Levels between what was too fine and what was too coarse, or beyond both.
  private func next(
    after attempts: [Attempt], _ last: Attempt, to target: Double, _ bits: (Attempt) -> Double
  ) -> Levels? {
    func shift(_ attempt: Attempt) -> Int {
      (attempt.levels.steps[.image] ?? 0) - (start.steps[.image] ?? 0)
    }
    // Which tensors are on the trellis either follows from the level, or is kept from one.
    func formed(_ attempt: Attempt) -> Int? {
      attempt.levels.forms == 0 ? nil : shift(attempt) + attempt.levels.forms
    }
    let kept = formed(last)
    let alike = attempts.filter { formed($0) == kept || (kept != nil && shift($0) == kept) }
    let fine = alike.filter { bits($0) > target }.max { shift($0) < shift($1) }
    let coarse = alike.filter { bits($0) <= target }.min { shift($0) < shift($1) }
    var form = kept
    var next = shift(last) + Int(saturating: (256 * (bits(last) - target)).rounded(.awayFromZero))
    if let fine, let coarse, shift(fine) < shift(coarse) {
      let gap = shift(coarse) - shift(fine)
      if gap > 1 {
        let share = (bits(fine) - target) / (bits(fine) - bits(coarse))
        let between = shift(fine) + Int(saturating: share * Double(gap))
        next = min(max(between, shift(fine) + 1), shift(coarse) - 1)
      } else {
        // A tensor that leaves the trellis, or needs wide codes, makes a step in size: what was
        // coarse enough keeps it as it was there.
        guard kept == nil else { return nil }
        form = shift(coarse)
        next =
          shift(coarse) - max(1, Int(saturating: (256 * (target - bits(coarse))).rounded()))
      }
    }
    let levels = Levels(steps: start.shifted(by: next).steps, forms: form.map { $0 - next } ?? 0)
    return attempts.contains { $0.levels == levels } ? nil : levels
  }

  // MARK: Bytes

  private func verdict(
    on attempts: [Attempt], _ last: Attempt, limit: Int
  ) throws -> Verdict {
    let bytes = last.fileBytes ?? 0
    func level(_ attempt: Attempt) -> Int { attempt.levels.steps[.image] ?? 0 }
    func fits(_ attempt: Attempt) -> Bool { attempt.fileBytes ?? 0 <= limit }
    let (good, bad) = (
      attempts.filter(fits).map(level).min(), attempts.filter { !fits($0) }.map(level).max()
    )
    let isLast = attempts.count >= Self.maximumAttempts
    if fits(last), isLast || Double(bytes) >= 0.9965 * Double(limit) { return .accepted }
    let here = level(last)
    if let good, let bad, good - bad <= 1 {
      return good == here ? .accepted : .again(last.levels.shifted(by: good - here))
    }
    if isLast, let good { return .again(last.levels.shifted(by: good - here)) }
    guard Double(bytes) / Double(limit) < 64, here < 20_000 else {
      throw Refusal("no pack of this model fits \(limit) bytes; at its smallest it is \(bytes)")
    }
    let change = move(from: Double(bytes), to: 0.9985 * Double(limit))
    return .again(last.levels.shifted(by: Self.within(here, change, coarse: good, fine: bad)))
  }

  // MARK: Cosine

  private func verdict(
    on attempts: [Attempt], _ last: Attempt, cosine: Double
  ) throws -> Verdict {
    // Nothing is left that answers.
    guard let reached = last.reached else {
      return attempts.count < Self.maximumAttempts
        ? .again(last.levels.shifted(by: -StepExponent.octave)) : .accepted
    }
    var next = last.levels
    var kept = last.levels
    var (isDone, isMet) = (true, true)
    for tower in Tower.allCases {
      guard let agreement = reached.of(tower), let here = last.levels.steps[tower] else { continue }
      // The coarsest level that is fine enough, and the finest that is not.
      let known = attempts.compactMap { attempt in
        attempt.reached?.of(tower).map { (attempt.levels.steps[tower] ?? 0, $0.cosineMinimum) }
      }
      let good = known.filter { $0.1 >= cosine }.last?.0
      let bad = known.filter { !($0.1 >= cosine) }.last?.0
      let isGood = agreement.cosineMinimum >= cosine
      isMet = isMet && isGood
      if let good { kept.steps[tower] = good }
      if !isGood, here < finest {
        throw Refusal(
          "no grid reaches a cosine of \(cosine): the finest has \(agreement.cosineMinimum) in the "
            + "\(tower.rawValue) tower", .cosineOutOfReach)
      }
      // The loss grows with the square of the step; 4 of 256 are 0.016 bits a weight.
      let loss = 1 - agreement.cosineMinimum
      let wanted = 128 * Reproducible.log2(max(1 - cosine, 1e-9) / max(loss, 1e-9))
      let change = Self.within(
        here, Int(saturating: (wanted - 2).rounded(.down)), coarse: bad, fine: good)
      let isClose = isGood && (change <= 3 || (bad.map { $0 - here <= 4 } ?? false))
      if isClose { continue }
      isDone = false
      next.steps[tower] = here + (change == 0 ? -1 : change)
    }
    guard isDone || attempts.count >= Self.maximumAttempts else { return .again(next) }
    return isMet || kept == last.levels ? .accepted : .again(kept)
  }

  /// Below this all codes are as fine as 16 bits allow.
  private var finest: Int { -(relative.map(\.exponent).max() ?? 0) - 40 * 256 }

  /// Keeps a change of level between one that is known to be too coarse and one known to be too
  /// fine.
  private static func within(_ here: Int, _ change: Int, coarse: Int?, fine: Int?) -> Int {
    guard let fine, let coarse, fine < coarse else { return change }
    let target = here + change
    if target <= fine { return fine + max((coarse - fine) / 2, 1) - here }
    return target >= coarse ? fine + (coarse - fine) / 2 - here : change
  }
}

extension Comparison {
  fileprivate func of(_ tower: Tower) -> Agreement? {
    switch tower {
    case .image: image
    case .text: text
    }
  }
}
