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
///
/// It hangs on the original and the inputs alone, not on rates, and is the same on every processor.
package struct Calibration: Sendable {
  package let inputs: TracedInputs
  /// By matrix. Queries, keys and values share one.
  private var factors: [String: Factor] = [:]

  package init(
    _ inputs: TracedInputs, _ checkpoint: Checkpoint, _ graph: NetworkGraph, _ pool: WorkerPool,
    progress: (Double) -> Void
  ) throws {
    self.inputs = inputs
    let matrices = graph.parameters.count { $0.role == .matrix }
    var found: [String: Factor] = [:]
    var last: (tower: Tower, value: Int, factor: Factor?)?
    try inputs.forEachLayer(checkpoint, graph, pool) { tower, input in
      progress(Double(found.count) / Double(matrices))
      if last?.tower != tower || last?.value != input.value {
        last = (tower, input.value, Moments(of: input)?.factor(pool))
      }
      found[input.name] = last?.factor
    }
    factors = found
  }

  /// Whether the inputs of a matrix are known.
  package func covers(_ name: String) -> Bool { factors[name] != nil }

  /// By how much feedback lessens the loss of a matrix; `nil` where nothing is known of its inputs.
  func gain(of name: String) -> Double? { factors[name]?.gain }

  /// By how many times the variance of rounding errors feedback moves what is rounded.
  func spread(of name: String) -> Double { factors[name]?.spread ?? 0 }

  /// Encodes the first of some parameters that it knows the inputs of, two for each thread, as
  /// their codings say; by name. What cannot be rounded is left to the encoder, which knows whether
  /// it may be kept as it is.
  package func grids(
    ofFirst parameters: ArraySlice<Parameter>, _ checkpoint: Checkpoint,
    _ codings: [String: Recipe.Coding], _ pool: WorkerPool
  ) -> [String: Grid?] {
    let names = parameters.lazy.map(\.name).filter { factors[$0] != nil }.prefix(2 * pool.threads)
    let known = Array(names)
    let grids = pool.map(known.count) { grid(of: known[$0], checkpoint, codings[known[$0]], pool) }
    return Dictionary(uniqueKeysWithValues: zip(known, grids))
  }

  /// Encodes one matrix, with the finest steps that int8 codes allow where its coding says nothing;
  /// `nil` where nothing is known of its inputs.
  package func grid(
    of name: String, _ checkpoint: Checkpoint, _ coding: Recipe.Coding?, _ pool: WorkerPool
  ) -> Grid? {
    guard let factor = factors[name] else { return nil }
    let tensor = checkpoint.tensor(name)
    return try? Grid(
      encoding: tensor, step: coding?.step?.step, factor: factor.lower,
      blockElements: coding?.isTrellis ?? false ? Stream.blockSize(ofCodes: tensor.columns) : nil,
      pool: pool)
  }
}
