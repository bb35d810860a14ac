import Kernels
import TestSupport
import Testing

@Suite("half")
struct HalfTests {
  static let allPatterns = Array(0...UInt16.max)

  /// What a pattern means, from the definition of the type.
  static func value(_ bits: UInt16, _ half: Half) -> Float {
    guard half == .float16 else { return Float(bitPattern: UInt32(bits) << 16) }
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let (exponent, fraction) = (Int(bits >> 10 & 31), UInt32(bits & 0x3ff))
    switch exponent {
    case 0: return sign * Float(fraction) * 0x1p-24
    case 31:
      return Float(bitPattern: UInt32(bits & 0x8000) << 16 | 0x7f80_0000 | fraction << 13)
    default:
      return Float(
        sign: sign < 0 ? .minus : .plus, exponent: exponent - 15, significand: 1)
        * (1 + Float(fraction) / 1024)
    }
  }

  private static let float16Values = allPatterns.map { value($0, .float16) }
  private static let bfloat16Values = allPatterns.map { value($0, .bfloat16) }
  /// The value of every bit pattern, in their order.
  static func values(_ half: Half) -> [Float] {
    half == .float16 ? float16Values : bfloat16Values
  }

  @Test(arguments: InstructionSet.available, Half.allCases)
  func `every bit pattern widens to its value, NaN payloads included`(
    isa: InstructionSet, half: Half
  ) {
    var floats = [Float](repeating: 0, count: 65_536)
    var span = floats.mutableSpan
    unsafe half.widen(Self.allPatterns.span.bytes, into: &span, using: isa)
    #expect(floats.map(\.bitPattern) == Self.values(half).map(\.bitPattern))
  }

  @Test(arguments: InstructionSet.available, Half.allCases)
  func `every bit pattern comes back`(isa: InstructionSet, half: Half) {
    let (halves, overflows) = narrow(Self.values(half), half, isa)
    #expect(halves == Self.allPatterns)
    #expect(overflows == 0)
  }

  @Test(arguments: InstructionSet.available, Half.allCases)
  func `rounds to nearest, ties to even, between all neighbours`(
    isa: InstructionSet, half: Half
  ) {
    let infinity: UInt16 = half == .float16 ? 0x7c00 : 0x7f80
    let lower = Array(0..<infinity - 1)
    let values = Self.values(half)
    func between(_ adjust: (Float) -> Float) -> [Float] {
      lower.map { adjust(values[Int($0)] / 2 + values[Int($0) + 1] / 2) }
    }
    #expect(narrow(between(\.nextDown), half, isa).halves == lower)
    #expect(narrow(between(\.nextUp), half, isa).halves == lower.map { $0 + 1 })
    #expect(narrow(between { $0 }, half, isa).halves == lower.map { $0 + $0 % 2 })
    #expect(narrow(between { -$0 }, half, isa).halves == lower.map { 0x8000 | ($0 + $0 % 2) })
  }

  @Test(arguments: InstructionSet.available)
  func `counts the finite values that become infinite`(isa: InstructionSet) {
    let x: [Float] = [65_519.996, 65_520, -65_520, 1e30, .infinity, -.infinity, .nan, 0]
    let (halves, overflows) = narrow(x, .float16, isa)
    #expect(halves[..<6] == [0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x7c00, 0xfc00])
    #expect(overflows == 3)
    let y: [Float] = [Float.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 3.3e38, .infinity]
    #expect(narrow(y, .bfloat16, isa).overflows == 2)
  }

  @Test(arguments: InstructionSet.available, Half.allCases)
  func `a NaN stays one when its payload does not fit`(isa: InstructionSet, half: Half) {
    let x = [Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0xffc0_0001)]
    let expected: [UInt16] = half == .float16 ? [0x7c01, 0xfe00] : [0x7f81, 0xffc0]
    #expect(narrow(x, half, isa).halves == expected)
  }

  @Test(arguments: InstructionSet.available, Half.allCases)
  func `random bits round alike on every instruction set`(isa: InstructionSet, half: Half) {
    var random = SplitMix64(seed: 18)
    let x = (0..<100_003).map { _ in
      Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
    }
    let (a, b) = (narrow(x, half, isa), narrow(x, half, .scalar))
    #expect(a.halves == b.halves)
    #expect(a.overflows == b.overflows)
  }

  @Test(arguments: InstructionSet.available, counts)
  func `reads at odd addresses and writes nothing beyond`(isa: InstructionSet, count: Int) {
    for half in Half.allCases {
      // One byte before the halves puts them at odd addresses.
      let bytes =
        [UInt8](repeating: 0x11, count: 1)
        + normals(count, seed: 19).flatMap {
          let bits = narrow([$0], half, .scalar).halves[0]
          return [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)]
        }
      let (result, isSpared) = sparesSurroundings(count, canary: Float(1e30)) { span in
        let halves = unsafe bytes.span.bytes.extracting(1..<1 + 2 * count)
        half.widen(halves, into: &span, using: isa)
      }
      #expect(isSpared)
      let again = narrow(result, half, isa).halves
      let back = again.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
      #expect(back == Array(bytes[1...]))
    }
  }

  private func narrow(
    _ floats: [Float], _ half: Half, _ isa: InstructionSet
  ) -> (halves: [UInt16], overflows: Int) {
    var halves = [UInt16](repeating: 0, count: floats.count)
    var span = halves.mutableSpan
    var bytes = unsafe span.mutableBytes
    let overflows = unsafe half.narrow(floats.span.bytes, into: &bytes, using: isa)
    return (halves, overflows)
  }
}
