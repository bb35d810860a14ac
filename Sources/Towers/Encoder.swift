internal import Architecture
internal import Concurrency
internal import Kernels

/// The stack of residual blocks that both towers share.
struct Encoder: Sendable {
  let tower: Tower
  let transformer: Configuration.Transformer
  let weights: any Weights
  let compute: Compute
  let pool: WorkerPool
  let watch: Stopwatch?

  /// How many rows it pays to take through all blocks together: enough that fetching the weights
  /// counts little, and few enough that the rows stay in the caches from layer to layer.
  static let favourableRows = 156

  /// Runs all blocks and returns the rows at `kept`, `[kept.count, width]`, one for each sequence.
  ///
  /// Nothing after the last block looks at other rows, so there it computes these alone; unless
  /// somebody observes, which may change the last bits.
  ///
  /// - Parameters:
  ///   - hidden: `[packing.rows, width]`.
  ///   - kept: a row of each sequence; with a causal mask its last one.
  func run(
    _ hidden: [Float], _ packing: Packing, isCausal: Bool, keeping kept: [Int], _ observe: Observer?
  ) throws -> [Float] {
    var work = Workspace(hidden, packing, transformer)
    try observe?(.embeddings, work.hidden.span)
    for index in 0..<transformer.layers {
      let names = Names.Block(tower, index)
      let isLast = index == transformer.layers - 1 && observe == nil
      try attend(names, &work, isCausal: isCausal, keeping: isLast ? kept : nil)
      try perceive(names, &work)
      try observe?(.block(index), work.hidden.span)
    }
    if work.rows == packing.rows { work.keep(kept) }
    return Array(work.hidden[..<(kept.count * transformer.width)])
  }

  /// hidden += attention(norm(hidden)) · outputᵀ
  private func attend(
    _ names: Names.Block, _ work: inout Workspace, isCausal: Bool, keeping kept: [Int]?
  ) throws {
    let width = transformer.width
    try normalise(work.hidden, names.norm1, into: &work.normed)
    work.input.take(width)
    try layer(work.normed, &work.input, names.key, into: &work.key, width)
    try layer(work.normed, &work.input, names.value, into: &work.value, width)
    if let kept {
      work.keep(kept)
      work.input.take(width)
    }
    try layer(work.normed, &work.input, names.query, into: &work.query, width)
    watch?.lap(.queryKeyValue)
    // A query that alone is kept is the last of its sequence, or nothing is masked: it sees all keys.
    mix(
      work.query, work.queries, work.key, work.value, work.keys, isCausal: isCausal && kept == nil,
      into: &work.normed)
    work.input.take(width)
    try layer(
      work.normed, &work.input, names.output, accumulating: true, into: &work.hidden, width)
    watch?.lap(.output)
  }

  /// hidden += activation(norm(hidden) · expandᵀ) · contractᵀ
  private func perceive(_ names: Names.Block, _ work: inout Workspace) throws {
    let (width, hiddenWidth) = (transformer.width, transformer.hiddenWidth)
    try normalise(work.hidden, names.norm2, into: &work.normed)
    work.input.take(width)
    try layer(
      work.normed, &work.input, names.expand, activation: transformer.activation.kernel,
      into: &work.expanded, hiddenWidth)
    watch?.lap(.expand)
    work.input.take(hiddenWidth)
    try layer(
      work.expanded, &work.input, names.contract, accumulating: true, into: &work.hidden, width)
    watch?.lap(.contract)
  }

  private func normalise(_ x: [Float], _ name: String, into output: inout [Float]) throws {
    var output = output.mutableSpan
    try weights.normalise(
      x.span, name, width: transformer.width, epsilon: transformer.layerNormEpsilon, into: &output,
      on: pool)
    watch?.lap(.norms)
  }

  /// output = activation(x · weightᵀ + bias), or that added to what output holds.
  ///
  /// x is `[rows, input.width]`, output `[rows, outputWidth]`; weight and bias are those of a module.
  private func layer(
    _ x: [Float], _ input: inout LayerInput, _ name: String,
    activation: Kernels.Activation = .none, accumulating: Bool = false,
    into output: inout [Float], _ outputWidth: Int
  ) throws {
    let weight = try weights.matrix(
      Names.weight(name), rows: outputWidth, columns: input.width)
    let bias = try weights.vector(Names.bias(name), count: outputWidth)
    var output = output.mutableSpan
    input.multiply(
      x, weight.span, bias: bias.span, activation: activation, accumulating: accumulating,
      into: &output, in: compute, on: pool)
    watch?.count(2 * output.count * weight.columns)
  }

  private func mix(
    _ query: [Float], _ queries: Packing, _ key: [Float], _ value: [Float], _ keys: Packing,
    isCausal: Bool, into output: inout [Float]
  ) {
    var output = output.mutableSpan
    attention(
      query.span, key.span, value.span, queryStarts: queries.starts, keyStarts: keys.starts,
      width: transformer.width, heads: transformer.heads, isCausal: isCausal, in: compute,
      into: &output, on: pool)
    watch?.lap(.attention)
  }
}

extension Weights {
  /// output = LayerNorm(x) with the weight and bias of a module. Both `[rows, width]`.
  func normalise(
    _ x: Span<Float>, _ name: String, width: Int, epsilon: Float,
    into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) throws {
    let weight = try vector(Names.weight(name), count: width)
    let bias = try vector(Names.bias(name), count: width)
    layerNorm(
      x, weight: weight.span, bias: bias.span, epsilon: epsilon, into: &output, on: pool)
  }
}

extension Configuration.Activation {
  var kernel: Kernels.Activation {
    switch self {
    case .quickGELU: .quickGELU
    case .gelu: .gelu
    }
  }
}
