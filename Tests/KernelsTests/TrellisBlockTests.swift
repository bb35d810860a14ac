import Kernels
import Platform
import TestSupport
import Testing

@Suite("Codes of the trellis")
struct TrellisBlockTests {
  static let shapes = [
    (1, 1), (2, 1), (300, 1), (20, 2), (10, 31), (10, 32), (10, 33), (40, 64), (40, 75), (30, 96),
    (3, 768),
  ]

  /// A path of the machine in every column.
  private func path(_ count: Int, columns: Int, reach: Int, seed: UInt64) -> [Int8] {
    var random = SplitMix64(seed: seed)
    return TrellisMachine.codes(count, columns: columns) {
      // Small symbols are likelier, as they are in weights.
      let k = (0..<3).reduce(0) { sum, _ in sum + Int.random(in: -reach...reach, using: &random) }
      return max(-63, min(63, k))
    }
  }

  private func encode(
    _ codes: [Int8], _ columns: Int, _ isa: InstructionSet = .widest
  ) -> [UInt8]? {
    unsafe Trellis.encode(codes.span.bytes, columns: columns, using: isa)
  }

  private func allows(
    _ codes: [Int8], _ columns: Int, _ isa: InstructionSet = .widest
  ) -> Bool {
    Trellis.allows(codes.span, columns: columns, using: isa)
  }

  private func decode(
    _ bytes: [UInt8], _ count: Int, _ isa: InstructionSet = .widest
  ) -> (codes: [Int8], fault: Trellis.Fault?) {
    // Canaries behind what may be written.
    var codes = [Int8](repeating: 99, count: count + 64)
    var span = codes.mutableSpan
    var all = unsafe span.mutableBytes
    var output = all._mutatingExtracting(0..<count)
    let fault = unsafe Trellis.decode(bytes.span.bytes, into: &output, using: isa)
    #expect(codes[count...].allSatisfy { $0 == 99 })
    return (Array(codes[..<count]), fault)
  }

  @Test(arguments: shapes, [1, 4, 40])
  func `come back on every instruction set`(shape: (rows: Int, columns: Int), reach: Int) throws {
    let (rows, columns) = shape
    for count in Set([rows * columns, rows * columns - 1, (rows - 1) * columns + 5])
    where count >= columns {
      let codes = path(count, columns: columns, reach: reach, seed: 1)
      guard let bytes = encode(codes, columns) else {
        #expect(count < 100)
        continue
      }
      for isa in InstructionSet.available {
        let (decoded, fault) = decode(bytes, count, isa)
        #expect(fault == nil)
        #expect(decoded == codes)
        #expect(encode(codes, columns, isa) == bytes)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `are no path when one of them is not`(isa: InstructionSet) throws {
    let codes = path(5000, columns: 70, reach: 3, seed: 4)
    #expect(allows(codes, 70, isa))
    for index in [0, 69, 70, 2500, 4999] {
      var wrong = codes
      wrong[index] ^= 1
      #expect(!allows(wrong, 70, isa))
      #expect(encode(wrong, 70) == nil)
    }
    // The last code of a column may be any that is as odd as it must be, but not −128.
    var low = codes
    let last = try #require(codes.lastIndex { $0 % 2 == 0 })
    low[last] = -126
    #expect(last >= 4930 && allows(low, 70, isa))
    low[last] = -128
    #expect(!allows(low, 70, isa))
    #expect(encode(low, 70) == nil)
    #expect(!allows(codes, 71, isa))
  }

  @Test func `are counted`() {
    let codes: [Int8] = [-128, 127, 0, 0, -1, 5, 5, 5]
    var expected = [Int](repeating: 0, count: 256)
    for (code, count) in [(-128, 1), (127, 1), (0, 2), (-1, 1), (5, 3)] {
      expected[code + 128] = count
    }
    let found = Trellis.Frequencies(codes.span)
    #expect(found.counts == expected && found.total == 8)
    // Even: 1 and 2 of 3; odd: 1, 1 and 3 of 5.
    let bits = 3 * log2(3.0) - 2 + 5 * log2(5.0) - 3 * log2(3.0)
    #expect(abs(found.bits - bits) < 1e-3)
  }

  @Test func `have no table when they are all equal, or too few`() {
    #expect(encode([], 1) == nil)
    #expect(encode([Int8](repeating: 0, count: 1000), 10) == nil)
    #expect(encode([2, 1, 3], 1) == nil)
    #expect(encode([0, 0, 0], 4) == nil)
  }

  @Test(arguments: [1, 2, 4, 12, 20])
  func `cost hardly more than their entropy`(reach: Int) throws {
    let codes = path(1 << 17, columns: 768, reach: reach, seed: 2)
    let bytes = try #require(encode(codes, 768))
    let ideal = Trellis.Frequencies(codes.span).bits / 8
    #expect(Double(bytes.count) > ideal)
    #expect(Double(bytes.count) < ideal * 1.006 + 400)
  }

  // MARK: What is not a block

  @Test(arguments: InstructionSet.available)
  func `are refused, wherever bytes are cut off`(isa: InstructionSet) throws {
    let codes = path(1500, columns: 64, reach: 3, seed: 5)
    let bytes = try #require(encode(codes, 64))
    for count in bytes.indices {
      #expect(decode(Array(bytes[..<count]), 1500, isa).fault != nil, "cut to \(count)")
    }
    #expect(decode(bytes + [0, 0], 1500, isa).fault == .trailingData)
    #expect(decode(bytes + [0], 1500, isa).fault == .trailingData)
    #expect(decode(bytes, 1499, isa).fault == .trailingData)
    #expect(decode(bytes, 1564, isa).fault != nil)
    #expect(decode([], 1500, isa).fault != nil)
  }

  @Test func `are refused for each thing that is wrong with them`() throws {
    let codes = path(1500, columns: 64, reach: 3, seed: 5)
    let bytes = try #require(encode(codes, 64))
    #expect(bytes[..<4] == [64, 0, 0, 0])
    func fault(_ change: (inout [UInt8]) -> Void) -> Trellis.Fault? {
      var bytes = bytes
      change(&bytes)
      return decode(bytes, 1500).fault
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0[0] = 0 } == .columns)
    #expect(fault { $0[2] = 1 } == .columns)
    #expect(fault { $0[3] = 0x80 } == .columns)
    #expect(fault { $0.replaceSubrange(0..<2, with: [0xdd, 0x05]) } == .columns)
    #expect(fault { $0[0] = 65 } != nil)
    // Of the first table: its ends the wrong way round, a sum too small, too large, one symbol.
    let symbols = Int(bytes[5] - bytes[4]) + 1
    #expect(fault { $0.swapAt(4, 5) } == .table)
    #expect(fault { $0[6] ^= 1 } == .table)
    #expect(fault { $0[7] = 0xff } == .table)
    #expect(fault { $0[5] = $0[4] } == .table)
    // Of the second.
    let second = 4 + 2 + 2 * symbols
    #expect(fault { $0.swapAt(second, second + 1) } == .table)
    #expect(fault { $0[second + 2] ^= 1 } == .table)
    // A lane that ends elsewhere.
    let lanes = second + 4 + 2 * Int(bytes[second + 1] - bytes[second])
    #expect(fault { $0[lanes + 2] ^= 1 } != nil)
  }

  /// Tables that reach a code beyond ±127: symbols −64 and 64 of the even codes, 64 of the odd
  /// ones.
  @Test func `beyond 127 are refused`() throws {
    var random = SplitMix64(seed: 1)
    let codes = TrellisMachine.codes(3000, columns: 1) {
      [0, 1, 63, -63].randomElement(using: &random)!
    }
    let bytes = try #require(encode(codes, 1))
    #expect(decode(bytes, 3000).codes == codes)
    let second = 4 + 2 + 2 * 127
    let end = second + 2 + 2 * 127
    #expect(bytes[4] == 65 && bytes[5] == 191 && bytes[second] == 65 && bytes[second + 1] == 191)
    // Each time the symbol more gets frequency 0.
    func fault(_ place: Int, _ byte: UInt8, zerosAt zeros: Int) -> Trellis.Fault? {
      var changed = bytes
      changed[place] = byte
      changed.insert(contentsOf: [0, 0], at: zeros)
      return decode(changed, 3000).fault
    }
    #expect(fault(4, 64, zerosAt: 6) == .table)
    #expect(fault(5, 192, zerosAt: second) == .table)
    #expect(fault(second, 64, zerosAt: second + 2) == nil)
    #expect(fault(second, 63, zerosAt: second + 2) == .table)
    #expect(fault(second + 1, 192, zerosAt: end) == .table)
  }

  @Test(arguments: InstructionSet.available, [1, 40, 64])
  func `are safe to decode whatever the bytes are`(isa: InstructionSet, columns: Int) throws {
    var random = SplitMix64(seed: 9)
    let bytes = try #require(
      encode(path(500, columns: columns, reach: 2, seed: 6), columns))
    for _ in 0..<500 {
      var changed = bytes
      for _ in 0..<3 {
        changed[Int.random(in: changed.indices, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      let (codes, fault) = decode(changed, 500, isa)
      let (expected, other) = decode(changed, 500, .scalar)
      #expect(fault == other)
      if fault == nil { #expect(codes == expected) }
    }
  }
}
