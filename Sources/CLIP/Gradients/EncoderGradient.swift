internal import Architecture
internal import Kernels

/// The blocks of a tower, from their output back to their input.
///
/// What a block computed on its way is computed again from its input, so that memory does not grow
/// with the number of blocks but for the residual stream. In float32, whatever the weights are.
struct EncoderGradient {
  let tower: Tower
  let transformer: Configuration.Transformer
  let weights: any Weights
  let pool: WorkerPool
  let packing: Packing
  let isCausal: Bool

  private var width: Int { transformer.width }

  /// Turns how much the output of the last block is felt into how much the input of the first is.
  ///
  /// - Parameters:
  ///   - inputs: of each block, `[rows, width]`.
  ///   - gradient: `[rows, width]`.
  func run(_ inputs: [[Float]], _ gradient: inout [Float], _ visit: Tracer) throws {
    for index in (0..<transformer.layers).reversed() {
      let names = Names.Block(tower, index)
      let block = try Block(names, inputs[index], of: self)
      try perceive(block, names, &gradient, visit)
      try attend(block, names, &gradient, visit)
    }
  }

  /// What one block computes.
  private struct Block {
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

    init(_ names: Names.Block, _ input: [Float], of encoder: EncoderGradient) throws {
      let (width, starts) = (encoder.width, encoder.packing.starts)
      let normed1 = try encoder.normed(input, names.norm1)
      let query = try encoder.layer(normed1, names.query, width)
      let key = try encoder.layer(normed1, names.key, width)
      let value = try encoder.layer(normed1, names.value, width)
      var mixed = [Float](repeating: 0, count: input.count)
      var mixedSpan = mixed.mutableSpan
      attention(
        query.span, key.span, value.span, queryStarts: starts, keyStarts: starts, width: width,
        heads: encoder.transformer.heads, isCausal: encoder.isCausal, into: &mixedSpan,
        on: encoder.pool)
      var middle = try encoder.layer(mixed, names.output, width)
      var sum = middle.mutableSpan
      add(input.span, to: &sum)
      let normed2 = try encoder.normed(middle, names.norm2)
      expanded = try encoder.layer(normed2, names.expand, encoder.transformer.hiddenWidth)
      (self.input, self.normed1, self.query, self.key) = (input, normed1, query, key)
      (self.value, self.mixed, self.middle, self.normed2) = (value, mixed, middle, normed2)
    }
  }

  private func perceive(
    _ block: Block, _ names: Names.Block, _ gradient: inout [Float], _ visit: Tracer
  ) throws {
    let activation = transformer.activation.kernel
    var activated = block.expanded
    var activatedSpan = activated.mutableSpan
    let none = [Float](repeating: 0, count: transformer.hiddenWidth)
    activate(&activatedSpan, bias: none.span, activation)
    try trace(names.contract, activated, gradient, visit)
    var felt = try back(gradient, names.contract, from: width, to: transformer.hiddenWidth)
    var feltSpan = felt.mutableSpan
    activationGradient(activation, at: block.expanded.span, scaling: &feltSpan)
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
      attentionGradient(
        mixed.span, block.query.span, block.key.span, block.value.span, starts: packing.starts,
        width: width, heads: transformer.heads, isCausal: isCausal, into: &q, &k, &v, on: pool)
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
    var output = [Float](repeating: 0, count: x.count)
    var span = output.mutableSpan
    try weights.normalise(
      x.span, module, width: width, epsilon: transformer.layerNormEpsilon, into: &span, on: pool)
    return output
  }

  private func layer(_ x: [Float], _ module: String, _ outputWidth: Int) throws -> [Float] {
    let matrix = try weights.matrix(
      Names.weight(module), rows: outputWidth, columns: x.count / packing.rows)
    let bias = try weights.vector(Names.bias(module), count: outputWidth)
    var output = [Float](repeating: 0, count: packing.rows * outputWidth)
    var span = output.mutableSpan
    linear(x.span, matrix.span, bias: bias.span, into: &span, on: pool)
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
    linearGradient(gradient.span, matrix.span, accumulating: true, into: &span, on: pool)
  }

  private func normalised(
    _ gradient: [Float], _ x: [Float], _ module: String, addingTo output: inout [Float]
  ) throws {
    let weight = try weights.vector(Names.weight(module), count: width)
    var span = output.mutableSpan
    layerNormGradient(
      gradient.span, x.span, weight: weight.span, epsilon: transformer.layerNormEpsilon,
      addingTo: &span)
  }
}
