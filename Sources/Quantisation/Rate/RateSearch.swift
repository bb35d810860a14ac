internal import Architecture
internal import Bytes
package import Checkpoints
internal import Codecs
package import Concurrency
package import Evidence
internal import Kernels
internal import PackFormat
internal import Tensors

/// Finds the steps that meet a rate, attempt by attempt.
///
/// At the optimum every tensor's loss falls by the same amount for one more bit, its slope. On a
/// uniform grid that makes the step of a tensor inversely proportional to the square root of its
/// sensitivity, whatever its weights are like; so one number for each tower is all there is to
/// find.
package struct RateSearch {
  /// 256ths of an octave on top of what sensitivity says, by tower.
  private var level: [Tower: Int] = [:]
  private let rate: Rate
  private let relative: [Relative]
  private let count: Double

  /// A tensor's step, but for the level of its tower.
  private struct Relative {
    let parameter: Parameter
    let exponent: Int
    /// Binary logarithm of the root of the mean square.
    let rms: Double
    let finestSteps: [Float]
  }

  private var attempts = 0
  /// By how much all levels have been shifted, and what that gave.
  private var shifted = 0
  private var tried: [(shift: Int, bits: Double)] = []
  /// The coarsest levels that are known to be fine enough, and the finest known not to be.
  private var good: [Tower: Int] = [:]
  private var bad: [Tower: Int] = [:]
  /// Whether the next attempt is to be taken as it is.
  private var isSettled = false

  /// Bits that a Gaussian of standard deviation 1 has on a grid of step 1: ½ log₂ 2πe.
  private static let gaussian = 2.0471
  private static let maximumAttempts = 10
  /// Bits a weight.
  private static let closeEnough = 0.0095

  /// - Parameter others: how many elements the model has beside these tensors; they are not
  ///   rounded.
  package init(
    _ rate: Rate, _ sensitivity: Sensitivity, others: Int, _ checkpoint: Checkpoint,
    _ pool: WorkerPool
  ) throws {
    self.rate = rate
    // Quarters of an octave: coarser than what a measurement differs by between machines, and so
    // fine that it costs nothing.
    relative = sensitivity.entries.map {
      Relative(
        parameter: $0.parameter,
        exponent: Int(saturating: (-2 * Fixed.log2($0.weight)).rounded()) * 64,
        rms: 0.5 * Fixed.log2($0.meanSquare), finestSteps: $0.finestSteps)
    }
    count = Double(relative.reduce(0) { $0 + $1.parameter.shape.count })
    guard count > 0 else {
      isSettled = true
      return
    }
    // From the formula of Gaussians …
    let start = Self.root(in: -60_000...60_000) { level in
      relative.reduce(0.0) { sum, entry in
        sum + Double(entry.parameter.shape.count) * max(Self.bits(of: entry, at: level), 0)
      } <= (Self.bits(asked: rate, count) * count)
    }
    for tower in Tower.allCases { level[tower] = start }
    // … to what the codes will take.
    guard let target = Self.bytes(asked: rate, count, others: Double(others)) else { return }
    for _ in 0..<3 {
      let size = try storedSize(checkpoint, pool)
      let change = move(from: size, to: target)
      shift(by: change)
      // A 256th of an octave is a 256th of a bit.
      guard abs(change) > 2 else { break }
    }
  }

  /// How every matrix and table is coded, by name.
  package var codings: [String: Recipe.Coding] {
    Dictionary(
      uniqueKeysWithValues: relative.map { entry in
        (entry.parameter.name, coding(of: entry, at: level[entry.parameter.tower ?? .image] ?? 0))
      })
  }

  /// On a plain grid, or on the trellis with a step that errs as much for fewer bits, below the
  /// rate at which the trellis runs out of codes.
  private func coding(of entry: Relative, at level: Int) -> Recipe.Coding {
    let plain = StepExponent(entry.exponent + level)
    let fine = StepExponent(entry.exponent + level - Self.trellisOffset)
    guard Self.bits(of: entry, at: level) < Self.trellisBits,
      Grid.areAffordable(entry.finestSteps, at: fine.step)
    else { return Recipe.Coding(step: plain, isTrellis: false) }
    return Recipe.Coding(step: fine, isTrellis: true)
  }

  /// What a Gaussian of the tensor's power takes on a plain grid.
  private static func bits(of entry: Relative, at level: Int) -> Double {
    entry.rms - Double(entry.exponent + level) / 256 + gaussian
  }

  /// 256 · log₂ √3: a path errs by a quarter of its squared step, a plain grid by a twelfth.
  private static let trellisOffset = 203
  /// How many weights of a tensor are searched to tell what all take; what that errs by averages
  /// out over the tensors.
  private static let sample = 1 << 16
  /// Bits of a plain grid up to which the trellis is used.
  private static let trellisBits = 6.0

  // MARK: Attempts

  /// Whether to try again, judging by the bytes of the model's tensors; other steps are set then.
  package mutating func isWorthAnother(afterWeights bytes: Int, of parameters: Int) throws -> Bool {
    guard case .bits(let bits) = rate, !isSettled else { return false }
    tried.append((shifted, 8 * Double(bytes) / Double(parameters)))
    func miss(_ attempt: (shift: Int, bits: Double)) -> Double { abs(attempt.bits - bits) }
    let here = tried[tried.count - 1]
    guard miss(here) > Self.closeEnough else { return false }
    // Sizes need not fall evenly: a tensor that leaves the trellis makes a step.
    let fine = tried.filter { $0.bits > bits }.max { $0.shift < $1.shift }
    let coarse = tried.filter { $0.bits <= bits }.min { $0.shift < $1.shift }
    var target = here.shift + Int(saturating: (256 * (here.bits - bits)).rounded(.awayFromZero))
    isSettled = tried.count >= Self.maximumAttempts
    if let fine, let coarse, fine.shift < coarse.shift {
      let share = (fine.bits - bits) / (fine.bits - coarse.bits)
      let between = fine.shift + Int(saturating: share * Double(coarse.shift - fine.shift))
      target = min(max(between, fine.shift + 1), coarse.shift - 1)
      isSettled = isSettled || coarse.shift - fine.shift <= 1
    }
    if isSettled { target = tried.min { miss($0) < miss($1) }?.shift ?? here.shift }
    shift(by: target - here.shift)
    return target != here.shift
  }

  /// Whether to try again, judging by the whole file and how it answers.
  ///
  /// - Parameter reached: `nil` for a pack that was not run, or that has no answers.
  package mutating func isWorthAnother(afterFile bytes: Int, _ reached: Comparison?) throws -> Bool
  {
    guard !isSettled else { return false }
    switch rate {
    case .bits: return false
    case .maxBytes(let limit): return try isWorthAnother(afterFile: bytes, limit)
    case .minCosine(let cosine):
      guard let reached else { return refine() }
      return try isWorthAnother(after: reached, cosine)
    }
  }

  private mutating func isWorthAnother(afterFile bytes: Int, _ limit: Int) throws -> Bool {
    attempts += 1
    let fits = bytes <= limit
    if fits, Double(bytes) >= 0.9965 * Double(limit) || attempts >= Self.maximumAttempts {
      return false
    }
    let here = level[.image] ?? 0
    if fits { good[.image] = here } else { bad[.image] = here }
    if let good = good[.image], let bad = bad[.image], good - bad <= 1 {
      level = level.mapValues { _ in good }
      isSettled = true
      return !fits
    }
    guard Double(bytes) / Double(limit) < 64, here < 20_000 else {
      throw Refusal("no pack of this model fits \(limit) bytes; at its smallest it is \(bytes)")
    }
    shift(by: within(move(from: Double(bytes), to: 0.9985 * Double(limit)), .image))
    return true
  }

  /// Makes all steps half as large, after an attempt of which nothing was left that answers.
  private mutating func refine() -> Bool {
    attempts += 1
    for (tower, here) in level { bad[tower] = min(bad[tower] ?? here, here) }
    shift(by: -256)
    return attempts < Self.maximumAttempts
  }

  private mutating func isWorthAnother(after reached: Comparison, _ cosine: Double) throws -> Bool {
    attempts += 1
    var isDone = true
    var isMet = true
    for (tower, agreement) in [(Tower.image, reached.image), (.text, reached.text)] {
      guard let agreement, let here = level[tower] else { continue }
      let loss = 1 - agreement.cosineMinimum
      let isGood = agreement.cosineMinimum >= cosine
      if isGood { good[tower] = here } else { bad[tower] = here }
      isMet = isMet && isGood
      if !isGood, here < finest {
        throw Refusal(
          "no grid reaches a cosine of \(cosine): the finest has \(agreement.cosineMinimum) in the "
            + "\(tower.rawValue) tower", .cosineOutOfReach)
      }
      // The loss grows with the square of the step; 4 of 256 are 0.016 bits a weight.
      let wanted = 128 * Fixed.log2(max(1 - cosine, 1e-9) / max(loss, 1e-9))
      let change = within(Int(saturating: (wanted - 2).rounded(.down)), tower)
      let isClose = isGood && (change <= 3 || (bad[tower].map { $0 - here <= 4 } ?? false))
      if isClose || attempts >= Self.maximumAttempts { continue }
      isDone = false
      level[tower] = here + (change == 0 ? -1 : change)
    }
    guard isDone || attempts >= Self.maximumAttempts else { return true }
    isSettled = true
    if isMet { return false }
    for (tower, known) in good { level[tower] = known }
    return true
  }

  /// Below this all codes are as fine as 16 bits allow.
  private var finest: Int { -(relative.map(\.exponent).max() ?? 0) - 40 * 256 }

  /// Keeps a change between what is known to be too coarse and what is known to be fine enough.
  private func within(_ change: Int, _ tower: Tower) -> Int {
    let here = level[tower] ?? 0
    var target = here + change
    if let good = good[tower], target <= good, let bad = bad[tower], good < bad {
      target = good + max((bad - good) / 2, 1)
    }
    if let bad = bad[tower], target >= bad, let good = good[tower], good < bad {
      target = good + (bad - good) / 2
    }
    return target - here
  }

  // MARK: Rate

  private mutating func shift(by change: Int) {
    level = level.mapValues { $0 + change }
    shifted += change
  }

  /// By how much steps must grow for so many bytes to become so many.
  private func move(from bytes: Double, to target: Double) -> Int {
    Int(saturating: (256 * 8 * (bytes - target) / count).rounded(.awayFromZero))
  }

  private func storedSize(_ checkpoint: Checkpoint, _ pool: WorkerPool) throws -> Double {
    let codings = codings
    return try relative.reduce(0.0) { sum, entry in
      let name = entry.parameter.name
      defer { checkpoint.release(name) }
      guard let coding = codings[name], let step = coding.step?.step else { return sum }
      let tensor = checkpoint.tensor(name)
      guard coding.isTrellis else {
        return sum + (try Grid.storedSize(of: tensor, step: step, pool: pool))
      }
      return sum
        + (try Grid.estimate(
          trellis: tensor, step: step, price: Grid.priceForEmbeddings,
          blockElements: Stream.blockSize(ofCodes: tensor.columns), elements: Self.sample,
          pool: pool
        ).bytes)
    }
  }

  /// Bits a weight to begin with.
  private static func bits(asked rate: Rate, _ count: Double) -> Double {
    switch rate {
    case .bits(let bits): bits
    case .maxBytes(let limit): min(max(8 * Double(limit) / count, 0.5), 12)
    case .minCosine(let cosine): min(max(1.5 - 0.5 * Fixed.log2(max(1 - cosine, 1e-9)), 2), 12)
    }
  }

  private static func bytes(asked rate: Rate, _ count: Double, others: Double) -> Double? {
    switch rate {
    // Floats take about 29 of their 32 bits.
    case .bits(let bits): (bits * (count + others) - 29 * others) / 8
    case .maxBytes(let limit): 0.985 * Double(limit)
    case .minCosine: nil
    }
  }

  /// The first of a range from which on a condition holds.
  private static func root(in range: ClosedRange<Int>, _ holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) >> 1
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
