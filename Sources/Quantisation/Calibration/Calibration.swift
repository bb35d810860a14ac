package import Architecture
package import Checkpoints
package import Codecs
package import Concurrency
internal import Kernels
internal import PackFormat
internal import Tensors
internal import Towers

/// What is known of the inputs of each layer, from pictures and texts that were run through the
/// original, so that a layer is rounded for its output rather than its weights.
package struct Calibration: Sendable {
  package let inputs: TracedInputs

  package init(inputs: TracedInputs) { self.inputs = inputs }

  /// Encodes every matrix that has inputs as its coding says; with the finest steps that int8 codes
  /// allow where it says nothing.
  package func grids(
    _ checkpoint: Checkpoint, _ graph: NetworkGraph, _ codings: [String: Recipe.Coding],
    _ pool: WorkerPool, progress: (Double) -> Void
  ) throws -> [String: Grid] {
    var grids: [String: Grid] = [:]
    var factors = Factors(pool)
    let matrices = graph.parameters.count { $0.role == .matrix }
    try inputs.trace(checkpoint, graph, pool) { _, trace in
      defer { checkpoint.release(trace.name) }
      progress(Double(grids.count) / Double(matrices))
      guard let factor = factors.factor(of: trace) else { return }
      let coding = codings[trace.name]
      // What cannot be rounded is left to the encoder, which knows whether it may be kept as it is.
      let tensor = checkpoint.tensor(trace.name)
      grids[trace.name] = try? Grid(
        encoding: tensor, step: coding?.step?.step, factor: factor.lower,
        blockElements: coding?.isTrellis ?? false ? Stream.blockSize(ofCodes: tensor.columns) : nil,
        pool: pool)
    }
    return grids
  }
}

/// The factors of the second moments of layers' inputs, one after the other.
struct Factors {
  struct Factor {
    /// L of the second moments L·Lᵀ, `[columns, columns]`.
    var lower: [Float]
    /// The loss with feedback over that without, at equal steps.
    var gain: Double
  }

  /// What is added to the second moments' diagonal, as a share of its mean: what was not seen among
  /// the inputs may still come.
  private static let damping: Float = 0.1

  private let pool: WorkerPool
  /// Queries, keys and values take in the same.
  private var last: (input: [Float], felt: [Float], factor: Factor)?

  init(_ pool: WorkerPool) { self.pool = pool }

  /// `nil` for the token table, and where nothing came in that is felt.
  mutating func factor(of trace: LayerTrace) -> Factor? {
    guard !trace.isLookup, trace.rows > 0 else { return nil }
    let felt = trace.feltRows
    if let last, last.input == trace.input, last.felt == felt { return last.factor }
    guard let factor = compute(trace.input, felt, trace.inputWidth) else { return nil }
    last = (trace.input, felt, factor)
    return factor
  }

  private func compute(_ input: [Float], _ felt: [Float], _ n: Int) -> Factor? {
    var lower = [Float](repeating: 0, count: n * n)
    do {
      var span = lower.mutableSpan
      addSecondMoments(input.span, width: n, weights: felt.span, to: &span, on: pool)
    }
    let mean = (0..<n).reduce(0.0) { $0 + Double(lower[$1 * n + $1]) } / Double(n)
    guard mean > 0, mean.isFinite else { return nil }
    // Scaled to a mean of 1: only proportions matter, and single precision holds them.
    let inverse = Float(1 / mean)
    for i in lower.indices { lower[i] *= inverse }
    for i in 0..<n { lower[i * n + i] += Self.damping }
    do {
      var span = lower.mutableSpan
      guard choleskyFactor(&span, n, on: pool) else { return nil }
    }
    let left = (0..<n).reduce(0.0) { sum, i in
      sum + Double(lower[i * n + i]) * Double(lower[i * n + i])
    }
    return Factor(lower: lower, gain: left / Double(n) / Double(1 + Self.damping))
  }
}

extension LayerTrace {
  /// 1 for each row whose output the answers feel, 0 for another: behind the last block's attention
  /// only the pooled rows count. `[rows]`.
  fileprivate var feltRows: [Float] {
    (0..<rows).map { row in
      gradient[row * outputWidth..<(row + 1) * outputWidth].contains { $0 != 0 } ? 1 : 0
    }
  }
}
