import Concurrency
import Kernels
import TestSupport
import Testing

@Suite("linear in bytes")
struct ByteLinearTests {
  /// m, n, k: around the rows of a tile, the bytes of a vector, panels and batches.
  static let shapes = [
    (1, 1, 1), (3, 4, 63), (4, 5, 64), (5, 3, 65), (2, 17, 15), (7, 16, 16), (9, 66, 17),
    (50, 70, 128), (113, 20, 300), (250, 9, 2000), (1030, 33, 17),
  ]

  private func bytes(
    _ x: [Float], _ width: Int, bits: Int = 8, _ isa: InstructionSet = .widest
  ) -> ByteRows {
    var rows = ByteRows()
    rows.quantise(x.span, width: width, bits: bits, on: WorkerPool(threads: 1), using: isa)
    return rows
  }

  @Test(arguments: InstructionSet.available, shapes)
  func `equals the exact formula for codes`(
    isa: InstructionSet, shape: (m: Int, n: Int, k: Int)
  ) {
    for bits in [8, 16] { expectExactFormula(isa, shape, bits: bits) }
  }

  private func expectExactFormula(
    _ isa: InstructionSet, _ shape: (m: Int, n: Int, k: Int), bits: Int
  ) {
    let (m, n, k) = shape
    let weights = StoredMatrix(.codes, rows: n, columns: k)
    let x = bytes(normals(m * k, seed: 31), k, bits: bits)
    let bias = normals(n, seed: 32)
    let before = normals(m * n, seed: 33)
    let rows = (0..<m).map { x.row($0) }
    for activation in Activation.allCases {
      for isAccumulating in [false, true] where !isAccumulating || activation == .none {
        let pool = WorkerPool(threads: 2)
        let (result, isSpared) = sparesSurroundings(m * n, canary: Float(1e30)) { output in
          output.fill(from: before)
          weights.withSpan {
            linear(
              x, $0, bias: bias.span, activation: activation, accumulating: isAccumulating,
              into: &output, on: pool, using: isa)
          }
        }
        #expect(isSpared)
        var plain = [Float](repeating: 0, count: m * n)
        for row in 0..<m {
          for column in 0..<n {
            var sum = 0.0
            for i in 0..<k {
              sum += Double(rows[row][i]) * Double(weights.values[column * k + i])
            }
            plain[row * n + column] = Float(sum)
          }
        }
        var expected = plain.mutableSpan
        activate(&expected, bias: bias.span, activation, using: .scalar)
        if isAccumulating { add(before.span, to: &expected) }
        let bound = 4e-6 * Float(k).squareRoot() + 4e-6
        #expect(largestDifference(result, plain) <= bound)
      }
    }
  }

  @Test(arguments: InstructionSet.available, shapes)
  func `has the same bits on every instruction set`(
    isa: InstructionSet, shape: (m: Int, n: Int, k: Int)
  ) {
    let (m, n, k) = shape
    let x = normals(m * k, seed: 34, scale: 3)
    let bias = normals(n, seed: 35)
    let codes = (0..<n * k).map { Int8(truncatingIfNeeded: $0 &* 91 &+ $0 / 5) }
    let steps = normals(n, seed: 36, scale: 0.01).map { abs($0) }
    let before = normals(m * n, seed: 37)
    func result(
      _ isa: InstructionSet, _ bits: Int, _ activation: Activation, _ accumulating: Bool
    ) -> [Float] {
      var output = before
      var span = output.mutableSpan
      let panels = PackedCodes(codes, rows: n, columns: k, using: isa)
      let matrix = unsafe MatrixSpan(
        panels: panels.bytes.span.bytes, steps: steps.span, sums: panels.sums.span, rows: n,
        columns: k)
      linear(
        bytes(x, k, bits: bits, isa), matrix, bias: bias.span, activation: activation,
        accumulating: accumulating, into: &span, on: WorkerPool(threads: 1), using: isa)
      return output
    }
    for bits in [8, 16] {
      for activation in Activation.allCases {
        #expect(result(isa, bits, activation, false) == result(.scalar, bits, activation, false))
      }
      #expect(result(isa, bits, .none, true) == result(.scalar, bits, .none, true))
    }
  }

  @Test(arguments: InstructionSet.available)
  func `does not saturate`(isa: InstructionSet) {
    let k = ByteRows.widest
    let x = [Float](repeating: 255, count: k)
    let codes = [Int8](repeating: -128, count: 4 * k)
    let steps = [Float](repeating: 1, count: 4)
    var output = [Float](repeating: 0, count: 4)
    var span = output.mutableSpan
    let panels = PackedCodes(codes, rows: 4, columns: k, using: isa)
    let matrix = unsafe MatrixSpan(
      panels: panels.bytes.span.bytes, steps: steps.span, sums: panels.sums.span, rows: 4,
      columns: k)
    linear(bytes(x, k, isa), matrix, into: &span, on: WorkerPool(threads: 1), using: isa)
    #expect(output == [Float](repeating: -255 * 128 * Float(k), count: 4))
  }

  @Test(arguments: InstructionSet.available, counts)
  func `codes rows alike on every instruction set`(isa: InstructionSet, width: Int) {
    for (scale, shift) in [(Float(1), Float(0)), (1e-3, 5), (1e20, -1), (0, 0), (1e-35, 0)] {
      let x = normals(3 * width, seed: 34, scale: scale).map { $0 + shift }
      for bits in [8, 16] {
        let found = bytes(x, width, bits: bits, isa)
        let expected = bytes(x, width, bits: bits, .scalar)
        for row in 0..<3 {
          #expect(found.row(row) == expected.row(row))
          let values = x[row * width..<(row + 1) * width]
          let range = max(values.max()!, 0) - min(values.min()!, 0)
          // Half a step, and the zero point's half.
          let error = zip(found.row(row), values).map { abs($0 - $1) }.max()!
          #expect(error <= range / Float((1 << bits) - 1) * 1.01 || range < 1e-30)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available, [Float.nan, .infinity, -.infinity])
  func `what is not finite spoils its row and no other`(isa: InstructionSet, odd: Float) {
    var x = normals(3 * 70, seed: 35)
    x[70 + 33] = odd
    let rows = bytes(x, 70, isa)
    #expect(rows.row(0).allSatisfy { $0.isFinite })
    #expect(rows.row(1).allSatisfy { $0.isNaN })
    #expect(rows.row(2).allSatisfy { $0.isFinite })
  }

  @Test func `has the same bits on any number of threads`() {
    let weights = StoredMatrix(.codes, rows: 500, columns: 160)
    let x = normals(60 * 160, seed: 36)
    let bias = normals(500, seed: 37)
    let results = [1, 2, 3, 5].map { threads in
      let pool = WorkerPool(threads: threads)
      var rows = ByteRows()
      rows.quantise(x.span, width: 160, on: pool)
      var output = [Float](repeating: 0, count: 60 * 500)
      var span = output.mutableSpan
      weights.withSpan {
        linear(rows, $0, bias: bias.span, activation: .quickGELU, into: &span, on: pool)
      }
      return output
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
