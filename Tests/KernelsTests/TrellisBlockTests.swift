import Kernels
import TestSupport
import Testing

@Suite("Codes of the trellis")
struct TrellisBlockTests {
  static let shapes = [
    (1, 1), (2, 1), (300, 1), (20, 2), (10, 31), (10, 32), (10, 33), (40, 64), (40, 75), (30, 96),
    (3, 768),
  ]

  /// A path of the machine in every column, the first code in column `first`.
  private func path(_ count: Int, columns: Int, first: Int, reach: Int, seed: UInt64) -> [Int8] {
    var random = SplitMix64(seed: seed)
    var machines = [Machine](repeating: Machine(), count: columns)
    return (0..<count).map { index in
      let column = (first + index) % columns
      // Small symbols are likelier, as they are in weights.
      let k = (0..<3).reduce(0) { sum, _ in sum + Int.random(in: -reach...reach, using: &random) }
      let code = machines[column].code(max(-63, min(63, k)))
      machines[column].move(max(-63, min(63, k)))
      return Int8(code)
    }
  }

  private func encode(_ codes: [Int8], _ columns: Int, _ first: Int = 0) -> [UInt8]? {
    unsafe Trellis.encode(codes.span.bytes, columns: columns, first: first)
  }

  private func count(
    _ codes: [Int8], _ columns: Int, _ first: Int = 0, _ isa: InstructionSet = .widest
  ) -> Trellis.Frequencies? {
    Trellis.Frequencies(codes.span, columns: columns, first: first, using: isa)
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
    for first in Set([0, 1, columns / 2, columns - 1]) where first < columns {
      for count in Set([rows * columns, rows * columns - 1, (rows - 1) * columns + 5])
      where count >= columns {
        let codes = path(count, columns: columns, first: first, reach: reach, seed: 1)
        guard let bytes = encode(codes, columns, first) else {
          #expect(count < 100)
          continue
        }
        for isa in InstructionSet.available {
          let (decoded, fault) = decode(bytes, count, isa)
          #expect(fault == nil)
          #expect(decoded == codes)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `are counted by quantiser, or are no path`(isa: InstructionSet) throws {
    let codes = path(5000, columns: 70, first: 3, reach: 3, seed: 4)
    var expected = [Int](repeating: 0, count: 512)
    var machines = [Machine](repeating: Machine(), count: 70)
    for (index, code) in codes.enumerated() {
      let column = (3 + index) % 70
      expected[256 * machines[column].quantiser + Int(code) + 128] += 1
      let isAllowed = machines[column].take(Int(code))
      #expect(isAllowed)
    }
    let found = try #require(count(codes, 70, 3, isa))
    #expect(found.counts == expected)
    #expect(found.total == 5000)
    for index in [0, 69, 70, 2500, 4999] {
      var wrong = codes
      wrong[index] ^= 1
      // A code that is 0 or becomes so may still be one of the quantiser's.
      guard wrong[index] != 0, codes[index] != 0 else { continue }
      #expect(count(wrong, 70, 3, isa) == nil)
      #expect(encode(wrong, 70, 3) == nil)
    }
    var low = codes
    low[17] = -128
    #expect(encode(low, 70, 3) == nil)
    #expect(count(codes, 71, 3, isa) == nil)
  }

  @Test func `have no table when they are all equal, or too few`() {
    #expect(encode([], 1) == nil)
    #expect(encode([Int8](repeating: 0, count: 1000), 10) == nil)
    #expect(encode([2, 1], 1) == nil)
    #expect(encode([0, 0, 0], 4) == nil)
  }

  @Test(arguments: [1, 2, 4, 12, 20])
  func `cost hardly more than their entropy`(reach: Int) throws {
    let codes = path(1 << 17, columns: 768, first: 0, reach: reach, seed: 2)
    let bytes = try #require(encode(codes, 768))
    let ideal = try #require(count(codes, 768)).bits / 8
    #expect(Double(bytes.count) > ideal)
    #expect(Double(bytes.count) < ideal * 1.006 + 400)
  }

  // MARK: What is not a block

  @Test(arguments: InstructionSet.available)
  func `are refused, wherever bytes are cut off`(isa: InstructionSet) throws {
    let codes = path(1500, columns: 64, first: 0, reach: 3, seed: 5)
    let bytes = try #require(encode(codes, 64))
    for count in bytes.indices {
      #expect(decode(Array(bytes[..<count]), 1500, isa).fault != nil, "cut to \(count)")
    }
    #expect(decode(bytes + [0, 0], 1500, isa).fault == .rest)
    #expect(decode(bytes + [0], 1500, isa).fault == .rest)
    #expect(decode(bytes, 1499, isa).fault == .rest)
    #expect(decode(bytes, 1564, isa).fault != nil)
    #expect(decode([], 1500, isa).fault != nil)
  }

  @Test func `are refused for each thing that is wrong with them`() throws {
    let codes = path(1500, columns: 64, first: 5, reach: 3, seed: 5)
    let bytes = try #require(encode(codes, 64, 5))
    #expect(bytes[..<8] == [64, 0, 0, 0, 5, 0, 0, 0])
    func fault(_ change: (inout [UInt8]) -> Void) -> Trellis.Fault? {
      var bytes = bytes
      change(&bytes)
      return decode(bytes, 1500).fault
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0[0] = 0 } == .columns)
    #expect(fault { $0[4] = 64 } == .columns)
    #expect(fault { $0[2] = 1 } == .columns)
    #expect(fault { $0[7] = 0x80 } == .columns)
    // The columns of another shape give other codes, or none.
    #expect(fault { $0[4] = 6 } != nil || decode(bytes, 1500).codes == codes)
    // Of the first table: its ends the wrong way round, a sum too small, too large, one symbol.
    let symbols = Int(bytes[9] - bytes[8]) + 1
    #expect(fault { $0.swapAt(8, 9) } == .table)
    #expect(fault { $0[10] ^= 1 } == .table)
    #expect(fault { $0[11] = 0xff } == .table)
    #expect(fault { $0[9] = $0[8] } == .table)
    // Of the second.
    let second = 8 + 2 + 2 * symbols
    #expect(fault { $0.swapAt(second, second + 1) } == .table)
    #expect(fault { $0[second + 2] ^= 1 } == .table)
    // A lane that ends elsewhere.
    let lanes = second + 4 + 2 * Int(bytes[second + 1] - bytes[second])
    #expect(fault { $0[lanes + 2] ^= 1 } != nil)
  }

  /// Tables that reach a code beyond ±127: 2·64 of quantiser 0, −(2·65 − 1) of quantiser 1.
  @Test func `beyond 127 are refused`() throws {
    var random = SplitMix64(seed: 1)
    var machine = Machine()
    let codes = (0..<3000).map { _ in
      // 63 is the largest of quantiser 0, 64 of quantiser 1.
      let k = [0, 1, machine.quantiser == 0 ? 63 : 64, -63 - machine.quantiser]
        .randomElement(using: &random)!
      defer { machine.move(k) }
      return Int8(machine.code(k))
    }
    let bytes = try #require(encode(codes, 1))
    #expect(decode(bytes, 3000).codes == codes)
    let second = 8 + 2 + 2 * (Int(bytes[9] - bytes[8]) + 1)
    #expect(bytes[8] == 65 && bytes[9] == 191 && bytes[second] == 64 && bytes[second + 1] == 192)
    for (place, change) in [(8, -1), (9, 1), (second, -1), (second + 1, 1)] {
      var changed = bytes
      changed[place] = UInt8(Int(changed[place]) + change)
      // Room for the symbol more, of frequency 0.
      let end = place < second ? second : second + 2 + 2 * 129
      changed.insert(contentsOf: [0, 0], at: change < 0 ? place + (place == 8 ? 2 : 2) : end)
      #expect(decode(changed, 3000).fault == .table)
    }
  }

  @Test(arguments: InstructionSet.available, [1, 40, 64])
  func `are safe to decode whatever the bytes are`(isa: InstructionSet, columns: Int) throws {
    var random = SplitMix64(seed: 9)
    let bytes = try #require(
      encode(path(500, columns: columns, first: 0, reach: 2, seed: 6), columns))
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
