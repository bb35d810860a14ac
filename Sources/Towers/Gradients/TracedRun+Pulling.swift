internal import Architecture
internal import Kernels

extension TracedRun {
  /// Sums up the gradient of a register, and shows the layers that read it.
  mutating func pull(_ register: Int, _ visit: Tracer) throws {
    var gradient: [Float]?
    // A gradient that is passed on begins the sum.
    for (call, _, operand) in uses(of: register) where call.passesGradientOn(operand) {
      guard needsGradient[register], let incoming = gradients[call.writes!] else { continue }
      guard var sum = gradient else {
        gradient = incoming
        continue
      }
      var span = sum.mutableSpan
      add(incoming.span, to: &span)
      gradient = sum
    }
    var sum = gradient ?? Array(repeating: 0, count: packing(register).rows * width(register))
    for (call, index, operand) in uses(of: register) where !call.passesGradientOn(operand) {
      guard let incoming = gradients[call.writes!] else { continue }
      try addGradient(of: call, index, operand, incoming, to: &sum, visit)
    }
    guard needsGradient[register] else { return }
    if let activation = activation(of: register), let before = values[register] {
      // From here on it is the gradient of what goes into the activation.
      var span = sum.mutableSpan
      Reproducible.activationGradient(activation, at: before.span, scaling: &span)
    }
    gradients[register] = sum
  }

  /// The calls that make something of a register, and as which operand, in the order of the
  /// program.
  private func uses(of register: Int) -> [(call: Program.Call, index: Int, operand: Int)] {
    readers[register].flatMap { index in
      let call = program.calls[index]
      return call.writes == nil
        ? [] : call.reads.indices.filter { call.reads[$0] == register }.map { (call, index, $0) }
    }
  }

  /// Adds what one operand of a call contributes.
  private mutating func addGradient(
    of call: Program.Call, _ index: Int, _ operand: Int, _ incoming: [Float],
    to sum: inout [Float], _ visit: Tracer
  ) throws {
    let register = call.reads[operand]
    let needed = needsGradient[register]
    var span = sum.mutableSpan
    switch call.operation {
    case .linear(let linear):
      try visit(
        LayerTrace(
          name: linear.weight, isLookup: false, input: value(register), gradient: incoming,
          starts: packing(register).starts))
      guard needed else { return }
      let matrix = try weights.matrix(
        linear.weight, rows: width(call.writes!), columns: width(register))
      Reproducible.linearGradient(incoming.span, matrix.span, addingTo: &span, on: pool)
    case .layerNorm(let epsilon, let weight, _):
      guard needed else { return }
      let weight = try weights.vector(weight, count: width(register))
      let input = value(register)
      Reproducible.layerNormGradient(
        incoming.span, input.span, weight: weight.span, epsilon: epsilon,
        addingTo: &span)
    case .attention, .multiply, .rotate:
      guard needed else { return }
      let part = operandGradients(call, index, incoming)[operand]
      add(part.span, to: &span)
    case .pixels, .windows, .groupedConvolution, .averagePool, .lookup, .parameter, .addTable,
      .position, .concat, .gather, .gatherVisible, .batchNorm, .scale, .add, .negate, .activate,
      .mean, .observe:
      guard needed else { return }
      try addRowGradient(of: call, operand, incoming, to: &span)
    }
  }

  /// Shows what was looked up in a table.
  func traceLookup(
    _ register: Int, _ scale: Float, _ weight: String, _ visit: Tracer
  ) throws {
    guard var gradient = gradients[register] else { return }
    if scale != 1 { for i in gradient.indices { gradient[i] *= scale } }
    try visit(
      LayerTrace(
        name: weight, isLookup: true,
        input: operations.batch.texts.flatMap { $0.map(Float.init) }, gradient: gradient,
        starts: packing(register).starts))
  }

  /// The gradient of Σ direction · embedding with respect to the output, whose rows are normalised;
  /// with respect to what goes into its activation, where its linear layer has one.
  func normalisedGradient(_ directions: [Float]) -> [Float] {
    // The derivative of u · p / |p| is (u − (u · ê) ê) / |p|.
    let projected = value(program.output)
    let width = width(program.output)
    var gradient = directions
    for start in stride(from: 0, to: gradient.count, by: width) {
      let range = start..<start + width
      let squares = range.reduce(Float(0)) { $0 + projected[$1] * projected[$1] }
      guard squares > 0 else { continue }
      let along = range.reduce(Float(0)) { $0 + directions[$1] * projected[$1] } / squares
      let inverse = 1 / squares.squareRoot()
      for i in range { gradient[i] = (directions[i] - along * projected[i]) * inverse }
    }
    if let activation = activation(of: program.output), let before = values[program.output] {
      var span = gradient.mutableSpan
      Reproducible.activationGradient(activation, at: before.span, scaling: &span)
    }
    return gradient
  }
}

extension Program.Call {
  /// Whether the call uses a matrix or table whose trace is of interest.
  var hasMatrix: Bool {
    switch operation {
    case .linear, .lookup: true
    default: false
    }
  }

  /// Whether the gradient of an operand is that of the result.
  func passesGradientOn(_ operand: Int) -> Bool {
    switch operation {
    case .linear: operand == 1
    case .addTable, .position: true
    case .add(let sign): operand == 0 || sign > 0
    default: false
    }
  }
}
