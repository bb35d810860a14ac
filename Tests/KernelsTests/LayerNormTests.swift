import Concurrency
import Kernels
import Testing

@Suite("layer norm")
struct LayerNormTests {
  static let pool = WorkerPool(threads: 2)

  @Test(arguments: InstructionSet.available, counts)
  func `is the formula's but for rounding, the same bits everywhere`(
    isa: InstructionSet, width: Int
  ) {
    let x = normals(3 * width, seed: 5).map { $0 + 2 }
    let (weight, bias) = (normals(width, seed: 6), normals(width, seed: 7))
    func run(_ isa: InstructionSet) -> [Float] {
      let (result, isSpared) = sparesSurroundings(3 * width, canary: Float(1e30)) { span in
        layerNorm(
          x.span, weight: weight.span, bias: bias.span, epsilon: 1e-5, into: &span, on: Self.pool,
          using: isa)
      }
      #expect(isSpared)
      return result
    }
    let found = run(isa)
    #expect(found == run(.scalar))
    for index in x.indices {
      let (w, b) = (weight[index % width], bias[index % width])
      let row = x[index / width * width..<(index / width + 1) * width].map(Double.init)
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      let scale = 1 / (variance + 1e-5).squareRoot()
      let exact = Float((row[index % width] - mean) * scale * Double(w) + Double(b))
      let bound = 2e-6 * (abs(exact - b) + abs(w)) + exact.ulp
      // Of one element the variance is 0, and epsilon alone decides.
      #expect(abs(found[index] - exact) <= (width < 3 ? 1e-3 : bound))
    }
  }

  @Test func `gives PyTorch's values`() {
    // torch.nn.functional.layer_norm(x.double(), (4,), weight, bias, 1e-5)
    let x: [Float] = [1, 2, 3, 5, -1, 0, 0.5, 100]
    let weight: [Float] = [1, 2, -1, 0.5]
    let bias: [Float] = [0, 0.5, 1, -1]
    var output = [Float](repeating: 0, count: 8)
    var span = output.mutableSpan
    layerNorm(
      x.span, weight: weight.span, bias: bias.span, epsilon: 1e-5, into: &span, on: Self.pool)
    let expected: [Float] = [
      -1.1832133, -0.5141828, 0.8309695, -0.2393629, -0.596517, -0.6469264, 1.5619363,
      -0.1340417,
    ]
    #expect(largestDifference(output, expected) <= 2e-6, "\(output)")
  }

  @Test func `has the same bits on any number of threads`() {
    let (rows, width) = (200, 768)
    let x = normals(rows * width, seed: 8)
    let (weight, bias) = (normals(width, seed: 9), normals(width, seed: 10))
    let results = [1, 2, 3].map { threads in
      var output = [Float](repeating: 0, count: x.count)
      var span = output.mutableSpan
      layerNorm(
        x.span, weight: weight.span, bias: bias.span, epsilon: 1e-5, into: &span,
        on: WorkerPool(threads: threads))
      return output
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
