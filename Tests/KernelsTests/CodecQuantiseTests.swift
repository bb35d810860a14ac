import Kernels
import TestSupport
import Testing

@Suite("quantise")
struct CodecQuantiseTests {
  static let counts = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 768, 4099]

  private func values(_ count: Int, seed: UInt64 = 3) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -1.2...1.2, using: &random) }
  }

  @Test(arguments: InstructionSet.available, counts)
  func `gives the nearest code, ties to even, held within 127`(isa: InstructionSet, count: Int) {
    let inverse: Float = 120
    let values = values(count)
    var codes = [Int8](repeating: 99, count: count + 1)
    do {
      var all = codes.mutableSpan
      var output = all._mutatingExtracting(0..<count)
      quantise(values.span, by: inverse, into: &output, using: isa)
    }
    let expected = values.map {
      Int8(max(-127, min(127, ($0 * inverse).rounded(.toNearestOrEven))))
    }
    #expect(codes == expected + [99])
  }

  @Test(arguments: InstructionSet.available)
  func `rounds ties to even and clips`(isa: InstructionSet) {
    let values: [Float] = [
      0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, 127.5, -127.5, 1e30, -1e30,
      .leastNonzeroMagnitude,
      0.49999997, -0.49999997, 127, -127,
    ]
    var codes = [Int8](repeating: 99, count: values.count)
    var output = codes.mutableSpan
    quantise(values.span, by: 1, into: &output, using: isa)
    #expect(codes == [0, 0, 0, 2, 2, 0, -2, -2, 126, 127, -127, 127, -127, 0, 0, 0, 127, -127])
  }

  @Test(arguments: InstructionSet.available, counts)
  func `finds the peak of a row on every instruction set`(isa: InstructionSet, count: Int) {
    let values = values(count)
    let peak = values.map(\.magnitude).max() ?? 0
    #expect(peakBits(values.span, using: isa) == peak.bitPattern)
    for position in [0, count / 2, count - 1] where count > 0 {
      for bad in [Float.nan, -.nan, .infinity, -.infinity, Float(bitPattern: 0x7f80_0001)] {
        var row = values
        row[position] = bad
        #expect(peakBits(row.span, using: isa) >= Float.infinity.bitPattern)
      }
    }
  }

  @Test func `measures what it loses`() {
    let values = values(1003)
    let codes = values.map { Int8(max(-127, min(127, ($0 * 100).rounded()))) }
    let (error, power) = gridError(values.span, codes: codes.span, step: 0.01)
    let differences = zip(values, codes).map { Double($0) - Double(Float($1) * 0.01) }
    let expected = differences.reduce(0) { $0 + $1 * $1 }
    #expect(abs(error - expected) <= 1e-12 * expected)
    let total = values.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(abs(power - total) <= 1e-12 * total)
  }

  @Test(arguments: InstructionSet.available, [0, 1, 7, 8, 9, 15, 16, 17, 1003])
  func `measures it to the same bits on every instruction set`(isa: InstructionSet, count: Int) {
    let values = values(count)
    let codes = values.map { Int8(max(-127, min(127, ($0 * 100).rounded()))) }
    // The definition: eight lanes in turn, then their sum.
    var lanes = (errors: SIMD8<Double>.zero, powers: SIMD8<Double>.zero)
    for i in 0..<count {
      let difference = Double(values[i]) - Double(Float(codes[i]) * 0.01)
      lanes.errors[i % 8] += difference * difference
      lanes.powers[i % 8] += Double(values[i]) * Double(values[i])
    }
    let (error, power) = gridError(values.span, codes: codes.span, step: 0.01, using: isa)
    #expect(error == (0..<8).reduce(0) { $0 + lanes.errors[$1] })
    #expect(power == (0..<8).reduce(0) { $0 + lanes.powers[$1] })
  }
}

@Suite("narrowExactly")
struct CodecNarrowExactlyTests {
  /// Every float16 pattern that is no NaN, widened, and its neighbours that no float16 equals.
  @Test(arguments: InstructionSet.available)
  func `brings back every float16`(isa: InstructionSet) {
    let halves = (0...UInt16.max).filter { $0 & 0x7fff <= 0x7c00 }
    var floats = [Float](repeating: 0, count: halves.count)
    do {
      var output = floats.mutableSpan
      unsafe Half.float16.widen(halves.span.bytes, into: &output, using: .scalar)
    }
    let (narrowed, inexact) = narrow(floats, .float16, isa)
    #expect(inexact == 0)
    #expect(narrowed == halves)
    let neighbours = floats.map { Float(bitPattern: $0.bitPattern ^ 1) }
    #expect(narrow(neighbours, .float16, isa).inexact == neighbours.count)
  }

  @Test(arguments: InstructionSet.available)
  func `brings back every bfloat16`(isa: InstructionSet) {
    let halves = Array(0...UInt16.max)
    let floats = halves.map { Float(bitPattern: UInt32($0) << 16) }
    let (narrowed, inexact) = narrow(floats, .bfloat16, isa)
    #expect(inexact == 0)
    #expect(narrowed == halves)
    let others = halves.map { Float(bitPattern: UInt32($0) << 16 | 0x8000) }
    #expect(narrow(others, .bfloat16, isa).inexact == others.count)
  }

  @Test(arguments: InstructionSet.available)
  func `counts what float16 has no word for`(isa: InstructionSet) {
    let values: [Float] = [
      .nan, -.nan, 65_504, 65_505, 65_520, 1e30, -.infinity, 0x1p-24, 0x1p-25, 0x1.8p-24, -0.0,
      .leastNonzeroMagnitude, 0.1,
    ]
    let exact = [
      false, false, true, false, false, false, true, true, false, false, true, false, false,
    ]
    for (value, isExact) in zip(values, exact) {
      #expect((narrow([value], .float16, isa).inexact == 0) == isExact, "\(value)")
    }
    #expect(narrow(values, .float16, isa).inexact == exact.count { !$0 })
  }

  private func narrow(
    _ values: [Float], _ half: Half, _ isa: InstructionSet
  ) -> (halves: [UInt16], inexact: Int) {
    var halves = [UInt16](repeating: 0, count: values.count)
    var output = halves.mutableSpan
    let inexact = half.narrowExactly(values.span, into: &output, using: isa)
    return (halves, inexact)
  }
}
