internal import Architecture
internal import Concurrency
internal import Kernels

/// The operations that have one arithmetic, whatever is computed in: those that move rows, add,
/// scale or look up.
struct RowOperations {
  let program: Program
  let batch: Batch
  let weights: any Weights
  let pool: WorkerPool

  func width(_ register: Int) -> Int { program.registers[register].width }
  func rows(_ register: Int) -> Program.Rows { program.registers[register].rows }
  func packing(_ register: Int) -> Packing { batch.packing(rows(register)) }

  /// - Parameters:
  ///   - a, b, c: what the call reads; empty where it reads less.
  ///   - output: holds what the call's `base` does, where it has one.
  func execute(
    _ call: Program.Call, _ a: Span<Float>, _ b: Span<Float>, _ c: Span<Float>,
    _ pixels: Span<Float>, _ output: inout MutableSpan<Float>
  ) throws {
    guard let written = call.writes else { return }
    switch call.operation {
    case .pixels, .windows, .groupedConvolution, .averagePool:
      try executeMap(call, a, pixels, &output)
    case .lookup(let rows, let scale, let weight):
      try lookUp(rows, scale, weight, written, &output)
    case .parameter(let rows, let weight):
      let values = try weights.vector(weight, count: rows * width(written))
      for input in 0..<batch.count { output.write(values.span, at: input * values.count) }
    case .addTable(let table):
      let values = try self.table(table, width(written))
      activate(&output, bias: values.span, .none)
    case .position(let rows, let place, let weight, let mask):
      try addPositions(rows, place, weight, mask, written, &output)
    case .gather(let pick):
      gather(batch.rows(program.picks[pick], of: rows(call.reads[0])), a, written, &output)
    case .gatherVisible(let mask):
      let visible = batch.visible[mask]
      gather(visible.indices.filter { visible[$0] }, a, written, &output)
    case .batchNorm, .scale, .add, .negate, .multiply, .activate, .rotate, .mean:
      try executeElementwise(call, a, b, c, &output)
    case .linear, .layerNorm, .attention, .concat, .observe:
      preconditionFailure("an operation of layers")
    }
  }

  /// Writes one of the operands of a concatenation.
  func place(
    _ part: Span<Float>, _ index: Int, of call: Program.Call, _ output: inout MutableSpan<Float>
  ) {
    let width = width(call.reads[index])
    forEachPart(index, of: call) { rows, at in
      output.write(part.extracting(rows.lowerBound * width..<rows.upperBound * width), at: at)
    }
  }

  /// The rows of each input that an operand of a concatenation has, and at which float of the
  /// result they begin.
  func forEachPart(
    _ index: Int, of call: Program.Call, _ body: (_ rows: Range<Int>, _ at: Int) -> Void
  ) {
    let width = width(call.reads[index])
    var at = 0
    for input in 0..<batch.count {
      for (other, read) in call.reads.enumerated() {
        let starts = packing(read).starts
        let rows = starts[input]..<starts[input + 1]
        if other == index { body(rows, at) }
        at += rows.count * width
      }
    }
  }

  private func lookUp(
    _ count: Int, _ scale: Float, _ weight: String, _ register: Int,
    _ output: inout MutableSpan<Float>
  ) throws {
    let width = width(register)
    let table = try weights.matrix(weight, rows: count, columns: width)
    let starts = packing(register).starts
    for input in batch.texts.indices {
      for (row, id) in batch.owned(input).ids.enumerated() {
        table.row(id, into: &output, at: (starts[input] + row) * width)
      }
    }
    if scale != 1 { for i in output.indices { output[i] *= scale } }
  }

  /// What is added to the rows of each input, `[rows, width]`.
  private func table(_ table: Program.Table, _ width: Int) throws -> [Float] {
    var values: [Float]
    if let (weight, rows, start) = table.positions {
      values = try weights.vector(weight, count: rows * width)
      if start != 0 || rows != table.rows {
        values = Array(values[start * width..<(start + table.rows) * width])
      }
    } else {
      values = Array(repeating: 0, count: table.rows * width)
    }
    for (weight, rows, at) in table.parts {
      let part = try weights.vector(weight, count: rows * width)
      for i in part.indices { values[at * width + i] += part[i] }
    }
    if let (weight, at) = table.bias {
      let bias = try weights.vector(weight, count: width)
      for i in at * width..<values.count { values[i] += bias[i % width] }
    }
    return values
  }

  private func addPositions(
    _ count: Int, _ place: Operation.Place, _ weight: String, _ mask: Int?, _ register: Int,
    _ output: inout MutableSpan<Float>
  ) throws {
    let width = width(register)
    let table = try weights.vector(weight, count: count * width)
    let starts = packing(register).starts
    for input in 0..<batch.count {
      let (first, end) = (starts[input], starts[input + 1])
      switch (place, mask) {
      case (.row(let row), _):
        for at in first..<end {
          add(
            table.span.extracting(row * width..<(row + 1) * width), to: &output, at: at * width)
        }
      case (.start(let start), nil):
        guard end > first else { continue }
        let place = start + (batch.shared?.depths[input] ?? 0)
        let places = table.span.extracting(place * width..<(place + end - first) * width)
        add(places, to: &output, at: first * width)
      case (.start(let start), let mask?):
        var seen = 0
        for at in first..<end {
          let isVisible = batch.visible[mask][at]
          seen += isVisible ? 1 : 0
          let row = start - 1 + (isVisible ? seen : 0)
          add(
            table.span.extracting(row * width..<(row + 1) * width), to: &output, at: at * width)
        }
      }
    }
  }

  private func gather(
    _ rows: [Int], _ source: Span<Float>, _ register: Int, _ output: inout MutableSpan<Float>
  ) {
    let width = width(register)
    for (index, row) in rows.enumerated() {
      output.write(source.extracting(row * width..<(row + 1) * width), at: index * width)
    }
  }
}
