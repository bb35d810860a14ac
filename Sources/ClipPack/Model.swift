public import Architecture
internal import Bytes
public import CLIP
public import Inputs
public import Kernels
public import PackFormat
public import SystemPackage

/// A CLIP, ready to answer.
///
///     let model = try Model(opening: "clip.clippack")
///     let labels = ["cat", "dog"]
///     let best = try model.classify("pet.jpg", labels: labels).first
///
/// Any number of threads may use one model at once; each call shares out its own work.
public final class Model: Sendable {
  public let pack: Pack
  public let configuration: Configuration
  /// `nil` for a text-only model.
  public let preprocessing: Preprocessing?
  /// `nil` for an image-only model, and where the source had none.
  public let tokenizer: Tokenizer?
  public let imageTower: ImageTower?
  public let textTower: TextTower?
  public let pool: WorkerPool

  /// How many pictures or texts go through a tower together; more would only take memory.
  public static let batchSize = 16

  /// Opens a pack. Weights are read when a tower first needs them.
  public convenience init(opening path: FilePath, threads: Int = WorkerPool.processors) throws {
    let pool = WorkerPool(threads: threads)
    try self.init(Pack(path, pool: pool), keepingMatrices: true)
  }

  /// - Parameter keepingMatrices: whether matrices stay in memory once they have been read.
  public init(_ pack: Pack, keepingMatrices: Bool) throws {
    guard let json = try pack.json(.configuration) else {
      throw FormatError(.inconsistent, "section \"configuration\" is missing")
    }
    let configuration = try Configuration(transformers: json)
    self.pack = pack
    self.configuration = configuration
    preprocessing = try pack.json(.preprocessing).map { try Preprocessing(transformers: $0) }
    tokenizer = try pack.json(.tokenizer).map { try Tokenizer(decoding: $0) }
    pool = pack.pool
    let (weights, pool) = (PackWeights(pack, keepingMatrices: keepingMatrices), pack.pool)
    imageTower = configuration.image.map {
      ImageTower($0, projectionWidth: configuration.projectionWidth, weights: weights, pool: pool)
    }
    textTower = configuration.text.map {
      TextTower($0, projectionWidth: configuration.projectionWidth, weights: weights, pool: pool)
    }
    self.weights = weights
    try PackContents(
      pack: pack, configuration: configuration, preprocessing: preprocessing, tokenizer: tokenizer
    ).check()
  }

  private let weights: PackWeights

  /// The factor between cosines and logits.
  ///
  /// - Throws: `ModelError.missing` for a model of one tower.
  public func similarity() throws -> Similarity {
    guard configuration.image != nil, configuration.text != nil else {
      throw ModelError.missing(configuration.image == nil ? .image : .text)
    }
    return Similarity(logScale: try weights.vector(Names.logitScale)[0])
  }
}

/// A question that this model cannot answer.
public enum ModelError: Error, CustomStringConvertible {
  case missing(Tower)
  case noTokenizer

  public var description: String {
    switch self {
    case .missing(let tower):
      "the pack has no \(tower.rawValue) tower; convert the checkpoint with --towers both"
    case .noTokenizer:
      "the pack has no tokenizer; convert the checkpoint again with --tokenizer DIR"
    }
  }
}
