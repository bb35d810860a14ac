internal import Architecture
internal import Bytes
package import Checkpoints
internal import Codecs
package import Concurrency
package import Evidence
internal import Kernels
internal import PackFormat
internal import Tensors

/// Finds the steps that meet a rate, attempt by attempt: a function from what was measured to the
/// next try.
///
/// At the optimum every tensor's loss falls by the same amount for one more bit, its slope. On a
/// uniform grid that makes the step of a tensor inversely proportional to the square root of its
/// sensitivity, whatever its weights are like; so one number for each tower is all there is to
/// find.
package struct RateSearch {
  /// 256ths of an octave on top of what sensitivity says, by tower.
  package struct Levels: Equatable {
    var steps: [Tower: Int] = [:]
    /// By how much other levels decide which tensors are on the trellis, and which have wide codes.
    var forms = 0

    package init() {}

    init(steps: [Tower: Int], forms: Int = 0) {
      self.steps = steps
      self.forms = forms
    }

    func shifted(by change: Int) -> Levels {
      Levels(steps: steps.mapValues { $0 + change }, forms: forms)
    }
  }

  /// What was tried, and what became of it.
  package struct Attempt {
    package var levels: Levels
    /// What the model's tensors take in a compact pack, where that decides.
    package var weightBytes: Int
    /// Of the whole file, where that does.
    package var fileBytes: Int?
    /// How it answers, where it was run.
    package var reached: Comparison?

    package init(
      levels: Levels, weightBytes: Int = 0, fileBytes: Int? = nil, reached: Comparison? = nil
    ) {
      self.levels = levels
      self.weightBytes = weightBytes
      self.fileBytes = fileBytes
      self.reached = reached
    }
  }

  package let rate: Rate
  /// Where to begin.
  package private(set) var start: Levels
  /// What people should know of the towers' rates; `nil` where there is nothing.
  package let note: String?
  let relative: [Relative]
  /// Elements of the tensors that are rounded, and of all.
  let count: Double
  let parameters: Double

  /// A tensor's step, but for the level of its tower.
  struct Relative {
    let parameter: Parameter
    let exponent: Int
    /// Binary logarithm of the root of the mean square.
    let rms: Double
    let finestSteps: [Float]
    /// By how many times their variance rounding errors move what is rounded.
    let spread: Double
  }

  static let maximumAttempts = 10

  /// - Parameter others: how many elements the model has beside these tensors; they are not
  ///   rounded.
  package init(
    _ rate: Rate, _ sensitivity: Sensitivity, _ calibration: Calibration?, others: Int,
    _ checkpoint: Checkpoint, _ pool: WorkerPool
  ) throws {
    self.rate = rate
    // Quarters of an octave, so fine that it costs nothing.
    relative = sensitivity.entries.map {
      Relative(
        parameter: $0.parameter,
        exponent: Int(saturating: (-2 * Reproducible.log2($0.weight)).rounded()) * 64,
        rms: 0.5 * Reproducible.log2($0.meanSquare), finestSteps: $0.finestSteps,
        spread: calibration?.spread(of: $0.parameter.name) ?? 0)
    }
    let count = Double(relative.reduce(0) { $0 + $1.parameter.shape.count })
    self.count = count
    parameters = count + Double(others)
    start = Levels(steps: [:])
    let towers = calibration == nil ? nil : Balance(relative)
    note = towers?.note
    let apart = towers?.levels ?? [:]
    func levels(_ level: Int) -> Levels {
      Levels(
        steps: Dictionary(
          uniqueKeysWithValues: Tower.allCases.map { ($0, level + (apart[$0] ?? 0)) }))
    }
    guard count > 0 else { return }
    // From the formula of Gaussians …
    start = levels(
      Self.root(in: -60_000...60_000) { level in
        let levels = levels(level)
        return relative.reduce(0.0) { sum, entry in
          sum + Double(entry.parameter.shape.count)
            * max(Self.bits(of: entry, at: levels.steps[entry.parameter.tower ?? .image] ?? 0), 0)
        } <= (Self.bits(asked: rate, count) * count)
      })
    // … to what the codes will take.
    guard let target = Self.bytes(asked: rate, count, others: Double(others)) else { return }
    for _ in 0..<3 {
      let change = move(from: try storedSize(at: start, checkpoint, pool), to: target)
      start = start.shifted(by: change)
      // A 256th of an octave is a 256th of a bit.
      guard abs(change) > 2 else { break }
    }
  }

  /// How every matrix and table is coded, by name.
  package func codings(at levels: Levels) -> [String: Recipe.Coding] {
    Dictionary(
      uniqueKeysWithValues: relative.map { entry in
        let level = levels.steps[entry.parameter.tower ?? .image] ?? 0
        return (entry.parameter.name, Self.coding(of: entry, at: level, forms: levels.forms))
      })
  }

  /// On a plain grid, or on the trellis with a step that errs as much for fewer bits, below the
  /// rate at which the trellis runs out of codes.
  private static func coding(of entry: Relative, at level: Int, forms: Int) -> Recipe.Coding {
    let form = StepExponent(entry.exponent + level + forms - trellisOffset)
    guard bits(of: entry, at: level + forms) < trellisBits,
      Grid.fitsInt8(entry.finestSteps, at: form.step)
    else {
      let (own, kept) = (
        StepExponent(entry.exponent + level), StepExponent(entry.exponent + level + forms)
      )
      // Wide codes make a step in size, too: what needs none at the other levels keeps its step.
      let isHeld =
        forms > 0 && !Grid.fitsInt8(entry.finestSteps, at: own.step)
        && Grid.fitsInt8(entry.finestSteps, at: kept.step)
      return Recipe.Coding(step: isHeld ? kept : own, isTrellis: false)
    }
    return Recipe.Coding(
      step: StepExponent(entry.exponent + level - trellisOffset), isTrellis: true)
  }

  /// What a Gaussian of the tensor's power takes on a plain grid.
  static func bits(of entry: Relative, at level: Int) -> Double {
    entry.rms - Double(entry.exponent + level) / 256 + gaussian
  }

  /// Bits that a Gaussian of standard deviation 1 has on a grid of step 1: ½ log₂ 2πe.
  private static let gaussian = 2.0471
  /// 256 · log₂ √3: a path errs by a quarter of its squared step, a plain grid by a twelfth.
  private static let trellisOffset = 203
  /// How many weights of a tensor are searched to tell what all take; what that errs by averages
  /// out over the tensors.
  private static let sample = 1 << 16
  /// Bits of a plain grid up to which the trellis is used.
  private static let trellisBits = 6.0

  // MARK: Size

  /// By how much steps must grow for so many bytes to become so many.
  func move(from bytes: Double, to target: Double) -> Int {
    Int(saturating: (256 * 8 * (bytes - target) / count).rounded(.awayFromZero))
  }

  private func storedSize(
    at levels: Levels, _ checkpoint: Checkpoint, _ pool: WorkerPool
  ) throws -> Double {
    let codings = codings(at: levels)
    return try relative.reduce(0.0) { sum, entry in
      let name = entry.parameter.name
      defer { checkpoint.release(name) }
      guard let coding = codings[name], let step = coding.step?.step else { return sum }
      let tensor = checkpoint.tensor(name)
      // What errors of later columns add to what is rounded costs as much as so much more power.
      let error = Double(step) * Double(step) / (coding.isTrellis ? 4 : 12)
      let power = max(meanSquare(of: entry), .leastNormalMagnitude)
      let added =
        entry.spread > 0
        ? Double(tensor.shape.count) * 0.5
          * Reproducible.log2(1 + entry.spread * error / power) / 8 : 0
      guard coding.isTrellis else {
        return sum + added + (try Grid.storedSize(of: tensor, step: step, pool: pool))
      }
      return sum + added
        + (try Grid.estimate(
          trellis: tensor, step: step, price: Grid.priceForEmbeddings,
          blockElements: Stream.blockSize(ofCodes: tensor.columns), elements: Self.sample,
          pool: pool
        ).bytes)
    }
  }

  private func meanSquare(of entry: Relative) -> Double {
    // 2^(2 · rms), of a whole and a fractional part.
    let exponent = StepExponent(log2: 2 * entry.rms)
    return Double(exponent.step)
  }

  /// Bits a weight to begin with.
  private static func bits(asked rate: Rate, _ count: Double) -> Double {
    switch rate {
    case .bits(let bits): bits
    case .maxBytes(let limit): min(max(8 * Double(limit) / count, 0.5), 12)
    case .minCosine(let cosine):
      min(max(1.5 - 0.5 * Reproducible.log2(max(1 - cosine, 1e-9)), 2), 12)
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
