internal import Architecture
internal import Kernels

/// Gradients of operations that need all of their operands. They are computed together when the
/// first operand asks, while the values of all of them are there, and kept until the last has.
extension TracedRun {
  mutating func operandGradients(
    _ call: Program.Call, _ index: Int, _ incoming: [Float]
  ) -> [[Float]] {
    if let known = operandGradients[index] { return known }
    let gradients =
      switch call.operation {
      case .attention(let heads, let isCausal, let mask):
        attentionGradients(call, heads, isCausal, mask, incoming)
      case .multiply: factorGradients(call, incoming)
      case .rotate(let heads, let pairs, let skip):
        rotationGradients(call, heads, pairs, skip, incoming)
      default: preconditionFailure("\(call.operation) asks no operand for another")
      }
    operandGradients[index] = gradients
    return gradients
  }

  private func attentionGradients(
    _ call: Program.Call, _ heads: Int, _ isCausal: Bool, _ mask: Int?, _ incoming: [Float]
  ) -> [[Float]] {
    let (query, key, value) = (
      value(call.reads[0]), value(call.reads[1]), value(call.reads[2])
    )
    var q = [Float](repeating: 0, count: query.count)
    var k = [Float](repeating: 0, count: key.count)
    var v = k
    do {
      var qSpan = q.mutableSpan
      var kSpan = k.mutableSpan
      var vSpan = v.mutableSpan
      Reproducible.attentionGradient(
        incoming.span, query.span, key.span, value.span,
        self.heads(call, heads, isCausal, mask), into: &qSpan, &kSpan, &vSpan, on: pool)
    }
    return [q, k, v]
  }

  /// Of x ⊙ z: g ⊙ z and g ⊙ x, the latter summed over the rows of an input where z has one.
  private func factorGradients(_ call: Program.Call, _ incoming: [Float]) -> [[Float]] {
    let (x, z) = (value(call.reads[0]), value(call.reads[1]))
    let width = width(call.reads[0])
    var (xGradient, zGradient) = (incoming, [Float](repeating: 0, count: z.count))
    let (starts, others) = (
      packing(call.reads[0]).starts, packing(call.reads[1]).starts
    )
    for input in 0..<operations.batch.count {
      let isBroadcast = others[input + 1] - others[input] == 1
      for row in starts[input]..<starts[input + 1] {
        let other = others[input] + (isBroadcast ? 0 : row - starts[input])
        for i in 0..<width {
          let gradient = incoming[row * width + i]
          xGradient[row * width + i] = gradient * z[other * width + i]
          zGradient[other * width + i] += gradient * x[row * width + i]
        }
      }
    }
    return [xGradient, zGradient]
  }

  /// The rotation back, and what the tables of cosines and sines contribute.
  private func rotationGradients(
    _ call: Program.Call, _ heads: Int, _ pairs: Architecture.Operation.Pairs, _ skip: Int,
    _ incoming: [Float]
  ) -> [[Float]] {
    let (x, cosines, sines) = (
      value(call.reads[0]), value(call.reads[1]), value(call.reads[2])
    )
    let (starts, tableStarts) = (
      packing(call.reads[0]).starts, packing(call.reads[1]).starts
    )
    let (width, isAdjacent) = (width(call.reads[0]), pairs == .adjacent)
    let back = sines.map { -$0 }
    var xGradient = incoming
    var span = xGradient.mutableSpan
    rotate(
      &span, cosines.span, back.span, starts: starts, tableStarts: tableStarts, width: width,
      heads: heads, isAdjacent: isAdjacent, skip: skip)
    var cosineGradient = [Float](repeating: 0, count: cosines.count)
    var sineGradient = [Float](repeating: 0, count: sines.count)
    if needsGradient[call.reads[1]] || needsGradient[call.reads[2]] {
      var cosineSpan = cosineGradient.mutableSpan
      var sineSpan = sineGradient.mutableSpan
      addTableGradients(
        ofRotated: incoming.span, x.span, cosines: &cosineSpan, sines: &sineSpan, starts: starts,
        tableStarts: tableStarts, width: width, heads: heads, isAdjacent: isAdjacent, skip: skip)
    }
    return [xGradient, cosineGradient, sineGradient]
  }
}
