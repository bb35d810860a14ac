import Concurrency
import Kernels
import TestSupport
import Testing

@Suite("Panels of codes")
struct CodePanelsTests {
  static let shapes = [
    (1, 1), (1, 4), (31, 5), (32, 16), (33, 17), (64, 64), (70, 3), (96, 130), (100, 515),
  ]

  @Test(arguments: InstructionSet.available, shapes)
  func `hold each code at the byte that the specification gives, and zeros`(
    isa: InstructionSet, shape: (rows: Int, columns: Int)
  ) {
    let (rows, columns) = shape
    let codes = Self.codes(rows * columns)
    let panels = PackedCodes(codes, rows: rows, columns: columns, using: isa)
    let words = (columns + 3) / 4
    var expected = [UInt8](repeating: 0, count: (rows + 31) / 32 * words * 128)
    for row in 0..<rows {
      for column in 0..<columns {
        let byte = row / 32 * words * 128 + column / 4 * 128 + row % 32 * 4 + column % 4
        expected[byte] = UInt8(bitPattern: codes[row * columns + column])
      }
    }
    #expect(panels.bytes == expected)
    #expect(
      panels.sums
        == (0..<rows).map { row in
          codes[row * columns..<(row + 1) * columns].reduce(0) { $0 + Int32($1) }
        })
  }

  @Test(arguments: shapes) func `come apart again`(shape: (rows: Int, columns: Int)) {
    let (rows, columns) = shape
    let codes = Self.codes(rows * columns)
    let panels = PackedCodes(codes, rows: rows, columns: columns)
    var back = [Int8](repeating: 1, count: codes.count)
    do {
      var span = back.mutableSpan
      var bytes = unsafe span.mutableBytes
      unsafe CodePanels.unpack(
        panels.bytes.span.bytes, rows: rows, columns: columns, into: &bytes)
    }
    #expect(back == codes)
  }

  @Test func `detect every byte of padding that is not zero`() {
    let (rows, columns) = (33, 6)
    var bytes = PackedCodes(Self.codes(rows * columns), rows: rows, columns: columns).bytes
    for byte in bytes.indices {
      let row = byte / 256 * 32 + byte % 128 / 4
      let column = byte / 128 % 2 * 4 + byte % 4
      let before = bytes[byte]
      bytes[byte] = 9
      let isZero = unsafe CodePanels.isPaddingZero(
        bytes.span.bytes, rows: rows, columns: columns)
      #expect(isZero == (row < rows && column < columns))
      bytes[byte] = before
    }
  }

  private static func codes(_ count: Int) -> [Int8] {
    (0..<count).map { Int8(truncatingIfNeeded: $0 &* 91 &+ $0 / 5 &- 128) }
  }
}

/// Codes in panels, and their rows' sums.
struct PackedCodes {
  let bytes: [UInt8]
  let sums: [Int32]

  init(_ codes: [Int8], rows: Int, columns: Int, using isa: InstructionSet = .widest) {
    let count = CodePanels.byteCount(rows: rows, columns: columns)!
    var bytes = [UInt8](repeating: 1, count: count)
    do {
      var span = bytes.mutableSpan
      var output = unsafe span.mutableBytes
      unsafe CodePanels.pack(
        codes.span.bytes, rows: rows, columns: columns, into: &output, using: isa)
    }
    self.bytes = bytes
    sums = unsafe CodePanels.rowSums(
      bytes.span.bytes, rows: rows, columns: columns, on: WorkerPool(threads: 2), using: isa)
  }
}
