internal import Architecture
internal import Concurrency
internal import Kernels

/// One batch through a program and back again, in `Reproducible` arithmetic: the same bits on every
/// processor, whatever the weights are stored as.
///
/// The gradient of a register is the sum over the calls that read it: first of those that pass
/// their own gradient on (residual connections), then of the others in the order of the program.
/// Rounds whose values would take too much memory are computed again on the way back, from what
/// goes into them.
struct TracedRun {
  let operations: RowOperations

  /// Of registers that are kept; before its activation where a linear layer has one.
  var values: [Int: [Float]] = [:]
  var gradients: [Int: [Float]] = [:]
  /// Gradients of the operands of an attention, a product or a rotation, by call.
  var operandGradients: [Int: [[Float]]] = [:]
  /// The call that makes each register.
  private let makers: [Int]
  /// The calls that read each register.
  let readers: [[Int]]
  /// Whether a matrix stands before a register, so that its gradient reaches one.
  let needsGradient: [Bool]
  private let keepsRounds: Bool

  /// How many floats of what rounds compute are kept: 128 MB, enough for 4 pictures in ViT-B/32.
  private static let mostKept = 1 << 25

  init(_ program: Program, _ batch: Batch, _ weights: any Weights, _ pool: WorkerPool) {
    operations = RowOperations(
      program: program, batch: batch, weights: weights, pool: pool)
    var makers = program.registers.map { _ in -1 }
    var readers = program.registers.map { _ in [Int]() }
    var needs = program.registers.map { _ in false }
    var floats = 0
    for (index, call) in program.calls.enumerated() {
      for register in Set(call.reads) { readers[register].append(index) }
      guard let written = call.writes else { continue }
      makers[written] = index
      needs[written] = call.reads.contains { needs[$0] } || call.hasMatrix
      floats +=
        batch.packing(program.registers[written].rows).rows
        * program.registers[written].width
    }
    self.readers = readers
    self.makers = makers
    needsGradient = needs
    keepsRounds = floats <= Self.mostKept
  }

  /// Runs forward and back.
  ///
  /// - Parameters:
  ///   - pixels: `[count, channels, height, width]`; empty for texts.
  ///   - directions: of each input the direction in which its normalised embedding is looked at,
  ///     `[count, width]`.
  mutating func run(_ pixels: Span<Float>, directions: [Float], _ visit: Tracer) throws {
    try forward(pixels)
    gradients[program.output] = normalisedGradient(directions)
    var remaining = program.calls.map { Set($0.reads).count }
    for index in program.calls.indices.reversed() {
      let call = program.calls[index]
      guard let written = call.writes else { continue }
      if values[written] == nil, let round = program.rounds.first(where: { $0.contains(index) }) {
        // What comes after it in the round was needed before, and is not again.
        for inner in round.lowerBound...index
        where program.calls[inner].writes.map({ values[$0] == nil }) ?? false {
          try execute(program.calls[inner], pixels)
        }
      }
      if written != program.output { try pull(written, visit) }
      if case .lookup(_, let scale, let weight) = call.operation {
        try traceLookup(written, scale, weight, visit)
      }
      for reader in readers[written] {
        remaining[reader] -= 1
        if remaining[reader] == 0, let made = program.calls[reader].writes {
          gradients[made] = nil
          operandGradients[reader] = nil
        }
      }
      values[written] = nil
    }
  }

  // MARK: Forward

  private mutating func forward(_ pixels: Span<Float>) throws {
    for (index, call) in program.calls.enumerated() {
      try execute(call, pixels)
      guard !keepsRounds, let round = program.rounds.first(where: { $0.upperBound == index + 1 })
      else { continue }
      for inner in round {
        guard let made = program.calls[inner].writes,
          readers[made].allSatisfy({ round.contains($0) }), made != program.output
        else { continue }
        values[made] = nil
      }
    }
  }

  var program: Program { operations.program }
  var weights: any Weights { operations.weights }
  var pool: WorkerPool { operations.pool }
  func width(_ register: Int) -> Int { operations.width(register) }
  func packing(_ register: Int) -> Packing { operations.packing(register) }

  /// What a register holds, `[rows, width]`.
  func value(_ register: Int) -> [Float] {
    guard var value = values[register] else {
      preconditionFailure("register \(register) has no value")
    }
    if let activation = activation(of: register) {
      var span = value.mutableSpan
      Reproducible.activate(&span, activation)
    }
    return value
  }

  /// What a register's linear layer applies to it, and `value` has not yet.
  func activation(of register: Int) -> Kernels.Activation? {
    guard case .linear(let linear) = program.calls[makers[register]].operation else {
      return nil
    }
    return linear.activation == .none ? nil : linear.activation
  }

  mutating func execute(_ call: Program.Call, _ pixels: Span<Float>) throws {
    guard let written = call.writes else { return }
    let columns = width(written)
    var output: [Float]
    if let base = call.base {
      output = value(base)
    } else {
      output = Array(repeating: 0, count: packing(written).rows * columns)
    }
    do {
      var span = output.mutableSpan
      switch call.operation {
      case .linear(let linear):
        try multiply(call, linear, columns, &span)
      case .layerNorm(let epsilon, let weight, let bias):
        let weight = try weights.vector(weight, count: columns)
        let bias =
          try bias.map { try weights.vector($0, count: columns) }
          ?? [Float](repeating: 0, count: columns)
        let input = value(call.reads[0])
        Reproducible.layerNorm(
          input.span, weight: weight.span, bias: bias.span, epsilon: epsilon,
          into: &span)
      case .attention(let heads, let isCausal, let mask):
        let (query, key, value) = (
          value(call.reads[0]), value(call.reads[1]), value(call.reads[2])
        )
        Reproducible.attention(
          query.span, key.span, value.span, self.heads(call, heads, isCausal, mask), into: &span,
          on: pool)
      case .activate(let activation):
        Reproducible.activate(&span, activation)
      case .concat:
        for (index, read) in call.reads.enumerated() {
          let part = value(read)
          operations.place(part.span, index, of: call, &span)
        }
      default:
        func read(_ operand: Int) -> [Float] {
          operand < call.reads.count ? value(call.reads[operand]) : []
        }
        let (a, b, c) = (read(0), read(1), read(2))
        try operations.execute(call, a.span, b.span, c.span, pixels, &span)
      }
    }
    values[written] = output
  }

  private func multiply(
    _ call: Program.Call, _ linear: Program.Linear, _ columns: Int,
    _ output: inout MutableSpan<Float>
  ) throws {
    let input = value(call.reads[0])
    let matrix = try weights.matrix(
      linear.weight, rows: columns, columns: width(call.reads[0]))
    let bias = try linear.bias.map { try weights.vector($0, count: columns) } ?? []
    guard call.reads.count > 1 else {
      Reproducible.linear(input.span, matrix.span, bias: bias.span, into: &output, on: pool)
      return
    }
    var product = [Float](repeating: 0, count: output.count)
    var span = product.mutableSpan
    Reproducible.linear(input.span, matrix.span, bias: bias.span, into: &span, on: pool)
    add(product.span, to: &output)
  }

  func heads(
    _ call: Program.Call, _ heads: Int, _ isCausal: Bool, _ mask: Int?
  ) -> Reproducible.Heads {
    Reproducible.Heads(
      width: width(call.reads[0]), heads: heads, queryStarts: packing(call.reads[0]).starts,
      keyStarts: packing(call.reads[1]).starts, isCausal: isCausal,
      visible: mask.map { operations.batch.visible[$0] })
  }
}
