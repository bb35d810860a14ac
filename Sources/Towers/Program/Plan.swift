internal import Architecture

/// A program with its registers laid into as few buffers as it takes.
struct Plan: Sendable {
  let program: Program
  /// Of each register its buffer.
  let bufferOf: [Int]
  /// What each buffer holds.
  let buffers: [Program.Register]

  /// Lays out a program by the last use of each register.
  init(_ program: Program) {
    self.program = program
    var lastUse = program.registers.map { _ in -1 }
    for (index, call) in program.calls.enumerated() {
      for register in call.reads { lastUse[register] = index }
    }
    lastUse[program.output] = program.calls.count
    var bufferOf = program.registers.map { _ in -1 }
    var buffers: [Program.Register] = []
    var free: [Program.Register: [Int]] = [:]
    for (index, call) in program.calls.enumerated() {
      guard let written = call.writes else { continue }
      let dying = Set(call.reads.filter { lastUse[$0] == index })
      if let operand = call.inPlaceOperand, dying.contains(operand) {
        // The result takes the place of what it is made of.
        bufferOf[written] = bufferOf[operand]
        for register in dying where register != operand { release(register) }
      } else {
        bufferOf[written] = take(program.registers[written])
        for register in dying { release(register) }
      }
      if lastUse[written] < 0 { release(written) }
    }
    self.bufferOf = bufferOf
    self.buffers = buffers

    func take(_ shape: Program.Register) -> Int {
      if let buffer = free[shape]?.popLast() { return buffer }
      buffers.append(shape)
      return buffers.count - 1
    }
    func release(_ register: Int) {
      let buffer = bufferOf[register]
      free[buffers[buffer], default: []].append(buffer)
    }
  }

  func buffer(of register: Int) -> Int { bufferOf[register] }
}

extension Program.Call {
  /// The operand that the result begins as, element by element, and whose place it may take.
  var base: Int? {
    switch operation {
    case .addTable, .position, .batchNorm, .scale, .add, .negate, .multiply, .activate, .rotate:
      reads[0]
    case .linear: reads.count > 1 ? reads[1] : nil
    default: nil
    }
  }

  /// `base`, where nothing else of the call reads it.
  var inPlaceOperand: Int? {
    guard let base, reads.count(where: { $0 == base }) == 1 else { return nil }
    return base
  }
}
