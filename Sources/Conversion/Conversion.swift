internal import Bytes
public import Checkpoints
public import Concurrency
internal import Evidence
public import PackFormat
public import Quantisation
public import SystemPackage

/// Makes a pack of a checkpoint: tensor by tensor, so that memory follows the largest tensor and
/// not the model.
///
/// Five stages, each a type or a call of its own, in `Stages`: what all attempts share is prepared;
/// a plan says how weights are coded; an attempt writes them; it is judged, which gives the next
/// plan or a pack with its evidence; that is sealed.
public struct Conversion: Sendable {
  public let recipe: Recipe
  public let storage: Storage
  /// `nil` where the files beside the weights are to be used.
  public let tokenizerFolder: FilePath?
  /// Pictures and texts to measure with; the built-in ones where empty.
  public let evidenceImages: [FilePath]
  public let evidenceTexts: [String]
  /// Whether the original and the pack are run and compared.
  public let makesEvidence: Bool
  /// What int8 weights and those at a rate are rounded for. With `none`, which takes a fifth of the
  /// time, each weight is rounded by itself.
  public let calibration: CalibrationChoice
  public let pool: WorkerPool

  public init(
    recipe: Recipe, storage: Storage = .compact, tokenizerFolder: FilePath? = nil,
    evidenceImages: [FilePath] = [], evidenceTexts: [String] = [], makesEvidence: Bool = true,
    calibration: CalibrationChoice = .builtIn, pool: WorkerPool
  ) {
    self.recipe = recipe
    self.storage = storage
    self.tokenizerFolder = tokenizerFolder
    self.evidenceImages = evidenceImages
    self.evidenceTexts = evidenceTexts
    self.makesEvidence = makesEvidence
    self.calibration = calibration
    self.pool = pool
  }

  /// Converts a checkpoint.
  ///
  /// - Throws: `Refusal`, `FileError`, `FormatError`, `CheckpointError`; nothing is written then.
  public func run(
    _ checkpoint: Checkpoint, to destination: FilePath,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Summary {
    let prepared = try Preparation(
      of: checkpoint, for: destination, by: self, rate: recipe.rate, progress)
    let plan = try Plan(prepared, rate: recipe.rate)
    let candidate = try Self.candidate(plan, prepared, progress)
    return try candidate.seal(prepared)
  }

  /// What a pack of each of some rates would be, without making any. Rates at which nothing is left
  /// that answers are left out.
  ///
  /// - Parameters:
  ///   - bits: stored bits a weight; the recipe's own rate does not count.
  ///   - destination: a file beside which there is room for a pack while it is measured.
  /// - Throws: as `run`; `Refusal` also where every rate is left out.
  public func explore(
    _ checkpoint: Checkpoint, bits: [Double], beside destination: FilePath,
    progress: (Progress) -> Void = { _ in }
  ) throws -> Frontier {
    guard makesEvidence else {
      throw Refusal("exploring runs the packs, and evidence is forbidden", .evidenceForbidden)
    }
    guard let first = bits.first else { return Frontier(points: []) }
    let prepared = try Preparation(
      of: checkpoint, for: destination, by: self, rate: .bits(first), progress)
    var frontier = Frontier(points: [])
    for bits in bits {
      do {
        let plan = try Plan(prepared, rate: .bits(bits))
        let candidate = try Self.candidate(plan, prepared, progress)
        if let point = candidate.point(of: prepared) { frontier.points.append(point) }
      } catch let error as Refusal where error.code == .nothingLeft {
        frontier.leftOut.append(bits)
      }
    }
    guard !frontier.points.isEmpty else {
      throw Refusal("nothing that answers is left of the model at any of these rates", .nothingLeft)
    }
    return frontier
  }

  /// Attempts one plan after the other until a pack is accepted.
  private static func candidate(
    _ first: Plan, _ prepared: Preparation, _ progress: (Progress) -> Void
  ) throws -> Candidate {
    var plan = first
    while true {
      let attempt = try Attempt(plan, prepared, progress)
      switch try Verdict(on: attempt, of: plan, prepared, progress) {
      case .retry(let next): plan = next
      case .accept(let candidate): return candidate
      }
    }
  }
}
