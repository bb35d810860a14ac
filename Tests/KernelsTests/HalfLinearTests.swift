import Concurrency
import Kernels
import Testing

@Suite("linear in bfloat16")
struct HalfLinearTests {
  @Test(
    arguments: InstructionSet.available, LinearTests.Storage.allCases.filter { $0 != .codes })
  func `equals the plain formula but for rounding`(
    isa: InstructionSet, storage: LinearTests.Storage
  ) {
    for (m, n, k) in [(1, 1, 1), (3, 5, 31), (4, 4, 32), (5, 19, 33), (9, 70, 100), (120, 7, 2000)]
    {
      let weights = StoredMatrix(storage, rows: n, columns: k)
      let x = normals(m * k, seed: 41)
      let bias = normals(n, seed: 42)
      let before = normals(m * n, seed: 43)
      var rows = HalfRows()
      let pool = WorkerPool(threads: 2)
      rows.round(x.span, width: k, on: pool, using: isa)
      for isAccumulating in [false, true] {
        let (result, isSpared) = sparesSurroundings(m * n, canary: Float(1e30)) { output in
          output.fill(from: before)
          weights.withSpan {
            linear(
              rows, $0, bias: bias.span, accumulating: isAccumulating, into: &output, on: pool,
              using: isa)
          }
        }
        #expect(isSpared)
        var expected = [Float](repeating: 0, count: m * n)
        var size: Float = 0
        for row in 0..<m {
          for column in 0..<n {
            var sum = Double(bias[column])
            var power = 0.0
            if isAccumulating { sum += Double(before[row * n + column]) }
            for i in 0..<k {
              let product =
                Double(x[row * k + i]) * Double(weights.values[column * k + i])
              sum += product
              power += product * product
            }
            expected[row * n + column] = Float(sum)
            size = max(size, Float(power.squareRoot()))
          }
        }
        // Each operand is off by at most 2⁻⁹ of itself, in either direction.
        #expect(largestDifference(result, expected) <= size * 0.0117 + 1e-5)
      }
    }
  }

  @Test(arguments: Activation.allCases)
  func `applies the bias, then the activation`(activation: Activation) {
    let weights = StoredMatrix(.bfloat16, rows: 37, columns: 40)
    let x = (0..<5 * 40).map { Float($0 % 17) - 8 }
    let bias = normals(37, seed: 44)
    var rows = HalfRows()
    let pool = WorkerPool(threads: 1)
    rows.round(x.span, width: 40, on: pool)
    var (found, expected) = ([Float](repeating: 0, count: 185), [Float](repeating: 0, count: 185))
    weights.withSpan {
      var span = found.mutableSpan
      linear(rows, $0, bias: bias.span, activation: activation, into: &span, on: pool)
      span = expected.mutableSpan
      linear(x.span, $0, bias: bias.span, activation: activation, into: &span, on: pool)
    }
    #expect(largestDifference(found, expected) <= 1e-4)
  }
}
