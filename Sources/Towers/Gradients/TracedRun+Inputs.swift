internal import Architecture
internal import Kernels

extension TracedRun {
  /// Runs forward alone, and shows what goes into each matrix in the order of computation. What
  /// nothing reads any more is forgotten.
  mutating func runForward(
    _ pixels: Span<Float>, _ visit: (LayerInput) throws -> Void
  ) throws {
    var remaining = readers.map(\.count)
    for call in program.calls {
      if case .linear(let linear) = call.operation {
        let register = call.reads[0]
        try visit(
          LayerInput(
            name: linear.weight, value: register, rows: value(register), width: width(register),
            starts: packing(register).starts))
      }
      try execute(call, pixels)
      for register in Set(call.reads) {
        remaining[register] -= 1
        if remaining[register] == 0 { values[register] = nil }
      }
    }
  }
}
