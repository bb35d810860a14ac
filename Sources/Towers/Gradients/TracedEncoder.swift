internal import Architecture
internal import Concurrency
internal import Kernels

/// The blocks of a tower, from their input to their output and back.
///
/// What blocks compute on their way is kept where it is little; else it is computed again from their
/// input on the way back, so that memory does not grow with the number of blocks but for the residual
/// stream. In float32, whatever the weights are, and in `Fixed` arithmetic: the same bits on every
/// processor.
struct TracedEncoder {
  let tower: Tower
  let transformer: Configuration.Transformer
  let weights: any Weights
  let pool: WorkerPool
  let packing: Packing
  let isCausal: Bool

  private var width: Int { transformer.width }
  private var heads: Fixed.Heads {
    Fixed.Heads(
      width: width, heads: transformer.heads, starts: packing.starts, isCausal: isCausal)
  }

  /// What a run leaves to go back by.
  struct Passage {
    /// Of the last block, `[rows, width]`.
    fileprivate(set) var output: [Float]
    fileprivate var inputs: [[Float]] = []
    fileprivate var blocks: [Block] = []
  }

  /// How many floats of what blocks compute are kept: 128 MB, enough for 4 pictures in ViT-B/32.
  private static let mostKept = 1 << 25

  /// Takes `[rows, width]` through all blocks.
  func run(_ hidden: [Float]) throws -> Passage {
    var passage = Passage(output: hidden)
    let floats = packing.rows * (8 * width + transformer.hiddenWidth)
    let isKept = floats * transformer.layers <= Self.mostKept
    for index in 0..<transformer.layers {
      let names = Names.Block(tower, index)
      let block = try Block(names, passage.output, of: self)
      if isKept { passage.blocks.append(block) } else { passage.inputs.append(block.input) }
      passage.output = try layer(activated(block), names.contract, width)
      var sum = passage.output.mutableSpan
      add(block.middle.span, to: &sum)
    }
    return passage
  }

  /// Turns how much the output of the last block is felt into how much the input of the first is.
  ///
  /// - Parameters:
  ///   - passage: what `run` gave.
  ///   - gradient: `[rows, width]`.
  func runBack(_ passage: consuming Passage, _ gradient: inout [Float], _ visit: Tracer) throws {
    for index in (0..<transformer.layers).reversed() {
      let names = Names.Block(tower, index)
      let block = try passage.blocks.popLast() ?? Block(names, passage.inputs[index], of: self)
      try perceive(block, names, &gradient, visit)
      try attend(block, names, &gradient, visit)
    }
  }

  /// What one block computes.
  fileprivate struct Block {
    let input: [Float]
    let normed1: [Float]
    let query: [Float]
    let key: [Float]
    let value: [Float]
    let mixed: [Float]
    let middle: [Float]
    let normed2: [Float]
    /// Before the activation.
    let expanded: [Float]

    init(_ names: Names.Block, _ input: [Float], of encoder: TracedEncoder) throws {
      let width = encoder.width
      let normed1 = try encoder.normed(input, names.norm1)
      let query = try encoder.layer(normed1, names.query, width)
      let key = try encoder.layer(normed1, names.key, width)
      let value = try encoder.layer(normed1, names.value, width)
      var mixed = [Float](repeating: 0, count: input.count)
      var mixedSpan = mixed.mutableSpan
      Fixed.attention(
        query.span, key.span, value.span, encoder.heads, into: &mixedSpan, on: encoder.pool)
      var middle = try encoder.layer(mixed, names.output, width)
      var sum = middle.mutableSpan
      add(input.span, to: &sum)
      let normed2 = try encoder.normed(middle, names.norm2)
      expanded = try encoder.layer(normed2, names.expand, encoder.transformer.hiddenWidth)
      (self.input, self.normed1, self.query, self.key) = (input, normed1, query, key)
      (self.value, self.mixed, self.middle, self.normed2) = (value, mixed, middle, normed2)
    }
  }

  private func activated(_ block: Block) -> [Float] {
    var activated = block.expanded
    var span = activated.mutableSpan
    Fixed.activate(&span, transformer.activation.kernel)
    return activated
  }

  private func perceive(
    _ block: Block, _ names: Names.Block, _ gradient: inout [Float], _ visit: Tracer
  ) throws {
    try trace(names.contract, activated(block), gradient, visit)
    var felt = try back(gradient, names.contract, from: width, to: transformer.hiddenWidth)
    var feltSpan = felt.mutableSpan
    Fixed.activationGradient(
      transformer.activation.kernel, at: block.expanded.span, scaling: &feltSpan)
    try trace(names.expand, block.normed2, felt, visit)
    let normed = try back(felt, names.expand, from: transformer.hiddenWidth, to: width)
    try normalised(normed, block.middle, names.norm2, addingTo: &gradient)
  }

  private func attend(
    _ block: Block, _ names: Names.Block, _ gradient: inout [Float], _ visit: Tracer
  ) throws {
    try trace(names.output, block.mixed, gradient, visit)
    let mixed = try back(gradient, names.output, from: width, to: width)
    var query = [Float](repeating: 0, count: mixed.count)
    var (key, value) = (query, query)
    do {
      var q = query.mutableSpan
      var k = key.mutableSpan
      var v = value.mutableSpan
      Fixed.attentionGradient(
        mixed.span, block.query.span, block.key.span, block.value.span, heads, into: &q, &k, &v,
        on: pool)
    }
    var normed = [Float](repeating: 0, count: mixed.count)
    for (name, felt) in [(names.query, query), (names.key, key), (names.value, value)] {
      try trace(name, block.normed1, felt, visit)
      try back(felt, name, from: width, to: width, addingTo: &normed)
    }
    try normalised(normed, block.input, names.norm1, addingTo: &gradient)
  }

  // MARK: Layers

  private func trace(
    _ module: String, _ input: [Float], _ gradient: [Float], _ visit: Tracer
  ) throws {
    try visit(
      LayerTrace(
        name: Names.weight(module), input: input, gradient: gradient, starts: packing.starts))
  }

  private func normed(_ x: [Float], _ module: String) throws -> [Float] {
    try weights.tracedNorm(
      x, module, width: width, epsilon: transformer.layerNormEpsilon)
  }

  private func layer(_ x: [Float], _ module: String, _ outputWidth: Int) throws -> [Float] {
    let matrix = try weights.matrix(
      Names.weight(module), rows: outputWidth, columns: x.count / packing.rows)
    let bias = try weights.vector(Names.bias(module), count: outputWidth)
    var output = [Float](repeating: 0, count: packing.rows * outputWidth)
    var span = output.mutableSpan
    Fixed.linear(x.span, matrix.span, bias: bias.span, into: &span, on: pool)
    return output
  }

  private func back(
    _ gradient: [Float], _ module: String, from outputWidth: Int, to inputWidth: Int
  ) throws -> [Float] {
    var output = [Float](repeating: 0, count: packing.rows * inputWidth)
    try back(gradient, module, from: outputWidth, to: inputWidth, addingTo: &output)
    return output
  }

  private func back(
    _ gradient: [Float], _ module: String, from outputWidth: Int, to inputWidth: Int,
    addingTo output: inout [Float]
  ) throws {
    let matrix = try weights.matrix(
      Names.weight(module), rows: outputWidth, columns: inputWidth)
    var span = output.mutableSpan
    Fixed.linearGradient(gradient.span, matrix.span, addingTo: &span, on: pool)
  }

  private func normalised(
    _ gradient: [Float], _ x: [Float], _ module: String, addingTo output: inout [Float]
  ) throws {
    let weight = try weights.vector(Names.weight(module), count: width)
    var span = output.mutableSpan
    Fixed.layerNormGradient(
      gradient.span, x.span, weight: weight.span, epsilon: transformer.layerNormEpsilon,
      addingTo: &span)
  }
}
