internal import Architecture
internal import Kernels

/// Gradients of operations that move, scale or average rows.
extension TracedRun {
  /// Adds what one operand of such a call contributes.
  func addRowGradient(
    of call: Program.Call, _ operand: Int, _ incoming: [Float], to sum: inout MutableSpan<Float>
  ) throws {
    let register = call.reads[operand]
    let width = width(register)
    switch call.operation {
    case .windows(let windows, let leading):
      windows.addGradient(ofWindows: incoming.span, leading: leading, to: &sum, on: pool)
    case .groupedConvolution(let windows, let conv):
      let weight = try weights.vector(
        conv.weight, count: conv.width * (windows.columns / conv.groups))
      windows.addGradient(
        ofConvolved: incoming.span, weight: weight.span, width: conv.width, groups: conv.groups,
        to: &sum, on: pool)
    case .averagePool(let windows):
      windows.addGradient(ofAverages: incoming.span, to: &sum, on: pool)
    case .concat:
      operations.forEachPart(operand, of: call) { rows, at in
        let part = incoming.span.extracting(at..<at + rows.count * width)
        add(part, to: &sum, at: rows.lowerBound * width)
      }
    case .gather(let pick):
      let rows = operations.batch.rows(program.picks[pick], of: operations.rows(register))
      scatter(incoming, rows, width, &sum)
    case .gatherVisible(let mask):
      let visible = operations.batch.visible[mask]
      scatter(incoming, visible.indices.filter { visible[$0] }, width, &sum)
    case .batchNorm(let epsilon, let names):
      addScaled(incoming, try operations.folded(names, epsilon, width).weight, &sum)
    case .scale(let weight):
      addScaled(incoming, try weights.vector(weight, count: width), &sum)
    case .add, .negate:
      for i in sum.indices { sum[i] -= incoming[i] }
    case .activate(let activation):
      var gradient = incoming
      let input = value(register)
      var span = gradient.mutableSpan
      Reproducible.activationGradient(activation, at: input.span, scaling: &span)
      add(gradient.span, to: &sum)
    case .mean(let skip, let mask):
      let starts = packing(register).starts
      for input in 0..<operations.batch.count {
        let rows = operations.averaged(starts[input]..<starts[input + 1], skip, mask)
        let share = incoming[input * width..<(input + 1) * width].map { $0 / Float(rows.count) }
        for row in rows { add(share.span, to: &sum, at: row * width) }
      }
    case .pixels, .linear, .lookup, .parameter, .addTable, .position, .layerNorm, .multiply,
      .rotate, .attention, .observe:
      preconditionFailure("\(call.operation) moves no rows")
    }
  }

  /// Adds the gradient of rows to the rows that they were.
  private func scatter(
    _ incoming: [Float], _ rows: [Int], _ width: Int, _ sum: inout MutableSpan<Float>
  ) {
    for (from, to) in rows.enumerated() {
      add(incoming.span.extracting(from * width..<(from + 1) * width), to: &sum, at: to * width)
    }
  }

  private func addScaled(
    _ incoming: [Float], _ factors: [Float], _ sum: inout MutableSpan<Float>
  ) {
    for start in stride(from: 0, to: sum.count, by: factors.count) {
      for (i, factor) in factors.enumerated() { sum[start + i] += incoming[start + i] * factor }
    }
  }
}
