import Kernels
import TestSupport
import Testing

/// The fast versions of the kernels that resize, against the scalar one.
@Suite struct ResizeTests {
  private static let canary: UInt8 = 0xa5

  /// FilterWindows of `count` weights that slide over a row; some are cut at its end.
  private func windows(_ count: Int, pixels: Int, by step: Int, _ random: inout SplitMix64)
    -> FilterWindows
  {
    var windows = FilterWindows(widest: count, capacity: pixels)
    for start in stride(from: 0, to: pixels, by: step) {
      let weights = (0..<min(count, pixels - start)).map { _ in
        Int32.random(in: -(1 << 22)...(1 << 22), using: &random)
      }
      windows.append(start: start, weights: weights)
    }
    return windows
  }

  @Test(
    arguments: InstructionSet.available,
    [1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 200])
  func `resampling a row is the same on every instruction set`(
    isa: InstructionSet, pixels: Int
  ) {
    var random = SplitMix64(seed: UInt64(pixels))
    for count in [1, 2, 3, 4, 5, 6, 9, 15, 16, 17, 31, 33, 54, 100] where count <= pixels {
      let windows = windows(count, pixels: pixels, by: max(1, count / 3), &random)
      for offset in [0, 1, 3] {
        let row = (0..<offset + 3 * pixels).map { _ in UInt8.random(in: 0...255, using: &random) }
        let source = row.span.extracting(droppingFirst: offset)
        let size = 3 * windows.count
        var expected = [UInt8](repeating: 0, count: size)
        var span = expected.mutableSpan
        resample(source, windows, into: &span, using: .scalar)
        var found = [UInt8](repeating: Self.canary, count: size + offset + 16)
        var all = found.mutableSpan
        var part = all._mutatingExtracting(offset..<offset + size)
        resample(source, windows, into: &part, using: isa)
        #expect(Array(found[offset..<offset + size]) == expected, "\(count) weights, +\(offset)")
        #expect(found[..<offset].allSatisfy { $0 == Self.canary })
        #expect(found[(offset + size)...].allSatisfy { $0 == Self.canary })
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `weights as large as allowed do not overflow a digit`(isa: InstructionSet) {
    let limit = Int32(127 << 16) - 1
    for weight in [limit, -limit, 0x7f_7f7f, 0x7f_8080, -0x7f_7f80, 0x80, 0x7fff, 0x8000, -0x8001] {
      guard abs(weight) <= limit else { continue }
      var windows = FilterWindows(widest: 1, capacity: 1)
      windows.append(start: 0, weights: [weight])
      var levels: [UInt8] = [0, 0, 0]
      var out = levels.mutableSpan
      let row: [UInt8] = [1, 100, 255]
      resample(row.span, windows, into: &out, using: isa)
      let expected = row.map { level -> UInt8 in
        UInt8(clamping: (Int64(level) * Int64(weight) + 1 << 21) >> 22)
      }
      #expect(levels == expected, "weight \(weight)")
    }
  }

  @Test(
    arguments: InstructionSet.available, [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 672])
  func `adding a row to sums is the same on every instruction set`(
    isa: InstructionSet, count: Int
  ) {
    var random = SplitMix64(seed: UInt64(count))
    let row = (0..<count + 1).map { _ in UInt8.random(in: 0...255, using: &random) }
    let sums = (0..<count + 2).map { _ in Int32.random(in: Int32.min...Int32.max, using: &random) }
    for weight in [Int32(0), 1, -1, 4_194_304, -1_234_567] {
      var found = sums
      var all = found.mutableSpan
      var part = all._mutatingExtracting(1..<1 + count)
      accumulate(row.span.extracting(droppingFirst: 1), weight: weight, into: &part, using: isa)
      var expected = sums
      for index in 0..<count { expected[1 + index] &+= weight &* Int32(row[1 + index]) }
      #expect(found == expected)
    }
  }

  @Test func `sums are rounded half up, clipped and cleared`() {
    let half: Int32 = 1 << 21
    var sums: [Int32] = [
      0, half - 1, half, -1, Int32.min, 255 << 22, 256 << 22, 0x7fff_ffff - half,
    ]
    var levels = [UInt8](repeating: 9, count: sums.count)
    var source = sums.mutableSpan
    var out = levels.mutableSpan
    roundRow(&source, into: &out)
    #expect(levels == [0, 0, 1, 0, 0, 255, 255, 255])
    #expect(sums.allSatisfy { $0 == 0 })
  }
}
