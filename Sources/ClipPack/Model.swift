public import Architecture
public import Bytes
public import Concurrency
public import Kernels
public import PackFormat
public import SystemPackage
public import Tokenizers
public import Towers

/// A CLIP, ready to answer.
///
///     let model = try Model(opening: "clip.clippack")
///     let labels = ["cat", "dog"]
///     let best = try model.classify("pet.jpg", labels: labels).first
///
/// Any number of threads may use one model at once; each call shares out its own work.
public final class Model: Sendable {
  public let pack: Pack
  /// What the model computes.
  public let graph: NetworkGraph
  /// `nil` for a text-only model.
  public let preprocessing: Preprocessing?
  public let imageTower: ImageTower?
  public let textTower: TextTower?
  /// What products are computed in.
  public let compute: Compute
  public let pool: WorkerPool

  private let lazyTokenizer: Locked<Tokenizer?>

  /// How many pictures are decoded and go through the tower together; more would only take memory.
  public static let batchSize = 16

  /// How many texts of a list that may be endless it pays to embed together: enough that those
  /// which begin alike meet, and few enough that results do not wait for long.
  public static let textBatchSize = 256

  /// Opens a pack. Weights and tokenizer are read when they are first needed.
  ///
  /// - Parameter compute: what products are computed in; unless given, the fastest that answered
  ///   well enough when the pack was made, as its evidence says, and float32 without evidence.
  public convenience init(
    opening path: FilePath, threads: Int = WorkerPool.processors, compute: Compute? = nil
  ) throws {
    try self.init(opening: MappedFile(path), threads: threads, compute: compute)
  }

  /// Opens a pack that is mapped already, as above.
  package convenience init(opening file: MappedFile, threads: Int, compute: Compute?) throws {
    let pack = try Pack(file, pool: WorkerPool(threads: threads))
    try self.init(
      pack, keepingMatrices: true, compute: compute ?? pack.recommendedCompute() ?? .f32)
  }

  /// - Parameter keepingMatrices: whether matrices stay in memory once they have been read.
  public init(_ pack: Pack, keepingMatrices: Bool, compute: Compute = .f32) throws {
    guard let json = try pack.json(.network) else {
      throw FormatError(
        .unsupported,
        "section \"network\" is missing: the pack was made by an earlier clip-pack; convert the "
          + "checkpoint again")
    }
    let graph = try NetworkGraph(Network(parsing: json))
    self.pack = pack
    self.graph = graph
    preprocessing = try pack.json(.preprocessing).map { try Preprocessing(transformers: $0) }
    lazyTokenizer = Locked(nil)
    self.compute = compute
    pool = pack.pool
    let weights = PackWeights(
      pack, graph, keepingMatrices: keepingMatrices, compute: compute)
    let pool = pack.pool
    try PackContents(pack: pack, graph: graph, preprocessing: preprocessing).check()
    imageTower = graph.image.map {
      ImageTower($0, weights: weights, compute: compute, pool: pool)
    }
    textTower = graph.text.map { TextTower($0, weights: weights, compute: compute, pool: pool) }
    self.weights = weights
  }

  private let weights: PackWeights

  /// `nil` for an image-only model, and where the source had none. Parsed at first use, once.
  public var tokenizer: Tokenizer? {
    get throws {
      try lazyTokenizer.withLock { known in
        if let known { return known }
        known = try pack.readTokenizer()
        if let text = graph.text, let misfit = known?.misfit(with: text) {
          throw FormatError(.inconsistent, misfit)
        }
        return known
      }
    }
  }

  /// The factor between cosines and logits.
  ///
  /// - Throws: `ModelError.missing` for a model of one tower.
  public func similarity() throws -> Similarity {
    guard let scores = graph.network.scores else {
      throw ModelError.missing(graph.image == nil ? .image : .text)
    }
    return try Similarity(scores, weights)
  }
}

extension Model {
  /// As `similarity`, or `nil` for a model of one tower.
  package func similarityOfBoth() throws -> Similarity? {
    graph.network.scores == nil ? nil : try similarity()
  }
}

/// A question that this model cannot answer.
public enum ModelError: Failure {
  case missing(Tower)
  case noTokenizer

  public enum Code: String, Sendable {
    case noTower, noTokenizer
  }

  public var code: Code {
    switch self {
    case .missing: .noTower
    case .noTokenizer: .noTokenizer
    }
  }
  public var subject: Subject? { nil }
  public var description: String { reason }
  public var reason: String {
    switch self {
    case .missing(let tower): "the pack has no \(tower.rawValue) tower"
    case .noTokenizer: "the pack has no tokenizer"
    }
  }
}

extension Pack {
  /// What its evidence recommends computing in; `nil` where it says nothing that this program
  /// knows.
  public func recommendedCompute() throws(FormatError) -> Compute? {
    try evidenceDocument()?.compute
  }
}
