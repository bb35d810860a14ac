internal import Architecture
internal import Concurrency
internal import Kernels

/// One batch on its way through a plan.
struct Run {
  let plan: Plan
  let operations: RowOperations
  let workspace: Workspace
  let compute: Compute
  let observe: Observer?
  let watch: Stopwatch?

  func execute(_ call: Program.Call, _ pixels: Span<Float>) throws {
    guard let written = call.writes else {
      if case .observe(let stage) = call.operation {
        try observe?(Stage(stage, width: width(call.reads[0])), span(call.reads[0]))
      }
      return
    }
    // What a result begins as, where it does not take that operand's place.
    if let base = call.base, plan.buffer(of: base) != plan.buffer(of: written) {
      workspace.copy(plan.buffer(of: base), to: plan.buffer(of: written))
    }
    var output = workspace.mutableSpan(plan.buffer(of: written))
    switch call.operation {
    case .linear(let linear):
      try multiply(call, linear, &output)
    case .layerNorm(let epsilon, let weight, let bias):
      try normalise(call, epsilon, weight, bias, &output)
    case .attention(let heads, let isCausal, let mask):
      attend(call, heads, isCausal, mask, &output)
    case .concat:
      for (index, read) in call.reads.enumerated() {
        operations.place(span(read), index, of: call, &output)
      }
    default:
      let none = [Float]()
      try operations.execute(
        call, call.reads.count > 0 ? span(call.reads[0]) : none.span,
        call.reads.count > 1 ? span(call.reads[1]) : none.span,
        call.reads.count > 2 ? span(call.reads[2]) : none.span, pixels, &output)
    }
  }

  // MARK: Registers

  private var batch: Batch { operations.batch }
  private var weights: any Weights { operations.weights }
  private var pool: WorkerPool { operations.pool }
  private func width(_ register: Int) -> Int { operations.width(register) }
  private func packing(_ register: Int) -> Packing { operations.packing(register) }

  @_lifetime(borrow self)
  private func span(_ register: Int) -> Span<Float> {
    unsafe _overrideLifetime(workspace.span(plan.buffer(of: register)), borrowing: self)
  }

  // MARK: Layers

  private func multiply(
    _ call: Program.Call, _ linear: Program.Linear, _ output: inout MutableSpan<Float>
  ) throws {
    let input = call.reads[0]
    let columns = width(input)
    let outputWidth = width(call.writes!)
    let weight = try weights.matrix(linear.weight, rows: outputWidth, columns: columns)
    let bias = try linear.bias.map { try weights.vector($0, count: outputWidth) } ?? []
    let x = span(input)
    let isAccumulating = call.reads.count > 1
    let compute = linear.isLast ? compute.atTheEnd : compute
    switch compute {
    case .int8 where weight.span.isCoded, .bf16 where weight.span.isCoded:
      workspace.codes.makeBytes(
        of: input, x, width: columns, bits: compute == .int8 ? 8 : 16, on: pool)
      Kernels.linear(
        workspace.codes.bytes, weight.span, bias: bias.isEmpty ? nil : bias.span,
        activation: linear.activation, accumulating: isAccumulating, into: &output, on: pool)
    case .bf16, .int8:
      workspace.codes.makeHalves(of: input, x, width: columns, on: pool)
      Kernels.linear(
        workspace.codes.halves, weight.span, bias: bias.isEmpty ? nil : bias.span,
        activation: linear.activation, accumulating: isAccumulating, into: &output, on: pool)
    case .f32:
      Kernels.linear(
        x, weight.span, bias: bias.isEmpty ? nil : bias.span, activation: linear.activation,
        accumulating: isAccumulating, into: &output, on: pool)
    }
    watch?.count(2 * output.count * columns)
  }

  private func normalise(
    _ call: Program.Call, _ epsilon: Float, _ weight: String, _ bias: String?,
    _ output: inout MutableSpan<Float>
  ) throws {
    let width = width(call.reads[0])
    let weight = try weights.vector(weight, count: width)
    let bias =
      try bias.map { try weights.vector($0, count: width) }
      ?? [Float](repeating: 0, count: width)
    layerNorm(
      span(call.reads[0]), weight: weight.span, bias: bias.span, epsilon: epsilon, into: &output,
      on: pool)
  }

  private func attend(
    _ call: Program.Call, _ heads: Int, _ isCausal: Bool, _ mask: Int?,
    _ output: inout MutableSpan<Float>
  ) {
    let (query, key, value) = (call.reads[0], call.reads[1], call.reads[2])
    guard let mask else {
      let (keyStarts, keyRows) = batch.path(operations.rows(key))
      attention(
        span(query), span(key), span(value), queryStarts: packing(query).starts,
        keyStarts: keyStarts, keyRows: keyRows, width: width(query), heads: heads,
        isCausal: isCausal, in: compute, into: &output, on: pool)
      return
    }
    maskedAttention(
      span(query), span(key), span(value), starts: packing(key).starts, width: width(query),
      heads: heads, visible: batch.visible[mask], into: &output)
  }
}

extension Compute {
  /// What the last product of a tower is computed in: its errors reach the embedding undiminished,
  /// and it takes little time.
  var atTheEnd: Compute { self == .int8 ? .bf16 : self }
}
