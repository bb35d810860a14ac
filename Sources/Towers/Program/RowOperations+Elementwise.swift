internal import Architecture
internal import Kernels

extension RowOperations {
  /// What works on a register that already holds the first operand, or on few rows.
  func executeElementwise(
    _ call: Program.Call, _ a: Span<Float>, _ b: Span<Float>, _ c: Span<Float>,
    _ output: inout MutableSpan<Float>
  ) throws {
    let width = width(call.writes!)
    switch call.operation {
    case .batchNorm(let epsilon, let names):
      let (weight, bias) = try folded(names, epsilon, width)
      scaleChannels(&output, by: weight.span, adding: bias.span, on: pool)
    case .scale(let weight):
      let weight = try weights.vector(weight, count: width)
      scaleChannels(&output, by: weight.span, adding: Span<Float>(), on: pool)
    case .add(let sign):
      if sign > 0 {
        add(b, to: &output)
      } else {
        for i in output.indices { output[i] -= b[i] }
      }
    case .negate:
      for i in output.indices { output[i] = -output[i] }
    case .multiply:
      multiply(call, b, width, &output)
    case .activate(let activation):
      Kernels.activate(&output, activation, on: pool)
    case .rotate(let heads, let pairs, let skip):
      let starts = packing(call.writes!).starts
      rotate(
        &output, b, c, starts: starts,
        tableStarts: packing(call.reads[1]).starts, width: width, heads: heads,
        isAdjacent: pairs == .adjacent, skip: skip)
    case .mean(let skip, let mask):
      mean(call, a, skip, mask, width, &output)
    default:
      preconditionFailure("no elementwise operation")
    }
  }

  /// A batch normalisation as a factor and a summand, made in double precision.
  func folded(
    _ names: Architecture.Operation.BatchNorm, _ epsilon: Float, _ width: Int
  ) throws -> (weight: [Float], bias: [Float]) {
    let weight = try weights.vector(names.weight, count: width)
    let bias = try weights.vector(names.bias, count: width)
    let mean = try weights.vector(names.mean, count: width)
    let variance = try weights.vector(names.variance, count: width)
    let factors = (0..<width).map {
      Double(weight[$0]) / (Double(variance[$0]) + Double(epsilon)).squareRoot()
    }
    return (
      factors.map { Float($0) },
      (0..<width).map { Float(Double(bias[$0]) - Double(mean[$0]) * factors[$0]) }
    )
  }

  private func multiply(
    _ call: Program.Call, _ other: Span<Float>, _ width: Int,
    _ output: inout MutableSpan<Float>
  ) {
    guard rows(call.reads[1]) != rows(call.reads[0]) else {
      for i in output.indices { output[i] *= other[i] }
      return
    }
    let starts = packing(call.reads[0]).starts
    for input in 0..<batch.count {
      for row in starts[input]..<starts[input + 1] {
        for i in 0..<width { output[row * width + i] *= other[input * width + i] }
      }
    }
  }

  private func mean(
    _ call: Program.Call, _ x: Span<Float>, _ skip: Int, _ mask: Int?, _ width: Int,
    _ output: inout MutableSpan<Float>
  ) {
    let starts = packing(call.reads[0]).starts
    var sum = [Double](repeating: 0, count: width)
    for input in 0..<batch.count {
      for i in 0..<width { sum[i] = 0 }
      let rows = averaged(starts[input]..<starts[input + 1], skip, mask)
      for row in rows {
        for i in 0..<width { sum[i] += Double(x[row * width + i]) }
      }
      for i in 0..<width { output[input * width + i] = Float(sum[i] / Double(rows.count)) }
    }
  }

  /// The rows of an input that its mean is taken of.
  func averaged(_ rows: Range<Int>, _ skip: Int, _ mask: Int?) -> [Int] {
    rows.dropFirst(skip).filter { row in mask.map { batch.visible[$0][row] } ?? true }
  }
}
