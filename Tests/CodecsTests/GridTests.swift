import Bytes
import Codecs
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("A grid")
struct GridTests {
  let pool = WorkerPool(threads: 2)

  private func weights(_ count: Int, magnitude: Float = 1) -> [Float] {
    var random = SplitMix64(seed: 42)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) * magnitude }
  }

  private func tensor(_ values: [Float], _ shape: Shape) -> Tensor {
    Tensor(.float32, shape, Buffer(littleEndian: values))
  }

  private func codes(_ grid: Grid) -> [Int8] { grid.codes.bytes.array.map { Int8(bitPattern: $0) } }

  private func steps(_ grid: Grid) -> [Float] {
    let span = grid.steps.span(of: Float.self)
    return span.indices.map { span[$0] }
  }

  @Test(arguments: [1, 3, 16, 17, 768], [1 as Float, 1e-20, 1e-35, 3e38])
  func `errs by at most half a step`(columns: Int, magnitude: Float) throws {
    let values = weights(5 * columns, magnitude: magnitude)
    let grid = try Grid(encoding: tensor(values, [5, columns]), pool: pool)
    let (codes, steps) = (codes(grid), steps(grid))
    for (index, value) in values.enumerated() {
      let step = steps[index / columns]
      let error = abs(Double(value) - Double(Float(codes[index]) * step))
      #expect(error <= Double(step) * 0.50002)
    }
    for row in 0..<5 {
      let range = row * columns..<(row + 1) * columns
      #expect(steps[row] == values[range].map(\.magnitude).max()! / 127)
      #expect(codes[range].map(\.magnitude).max() == 127)
    }
  }

  @Test func `keeps rows of zeros, and rounds what lies too near to them to nothing`() throws {
    let tiny = Float.leastNormalMagnitude
    let grid = try Grid(
      encoding: tensor([0, -0.0, tiny, -tiny / 2, tiny * 127, -tiny * 127, 1, -1], [4, 2]),
      pool: pool)
    #expect(steps(grid) == [0, 0, tiny, 1 / 127])
    #expect(codes(grid) == [0, 0, 0, 0, 127, -127, 127, -127])
  }

  @Test func `has a scalar, and tensors without elements`() throws {
    let scalar = try Grid(encoding: tensor([-3], []), pool: pool)
    #expect(codes(scalar) == [-127])
    #expect(steps(scalar) == [3 / 127])
    for shape in [[0], [0, 5], [5, 0], [2, 0, 3]] as [Shape] {
      let grid = try Grid(encoding: tensor([], shape), pool: pool)
      #expect(grid.codes.count == 0)
      #expect(steps(grid) == [Float](repeating: 0, count: shape.extents[0]))
      #expect(grid.relativeSquaredError == 0)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [1, 100])
  func `refuses what a code cannot say, and names the first row`(value: Float, columns: Int) {
    var values = weights(3000 * columns)
    for row in [2999, 1234, 2500] { values[row * columns + columns / 2] = value }
    #expect(throws: CodecError.notFinite(row: 1234)) {
      try Grid(encoding: tensor(values, [3000, columns]), pool: pool)
    }
  }

  @Test(arguments: [(Half.float16, ElementType.float16), (.bfloat16, .bfloat16)])
  func `has the codes of the widened values when they are halves`(
    half: Half, type: ElementType
  ) throws {
    let narrow = try tensor(weights(7 * 1001), [7, 1001]).rounded(to: half, type, pool: pool)
    let wide = narrow.withFloats(0..<7007) { span in span.indices.map { span[$0] } }
    let grid = try Grid(encoding: narrow, pool: pool)
    let expected = try Grid(encoding: tensor(wide, [7, 1001]), pool: pool)
    #expect(codes(grid) == codes(expected))
    #expect(steps(grid) == steps(expected))
    #expect(grid.relativeSquaredError == expected.relativeSquaredError)
  }

  @Test(arguments: [1, 2, 5])
  func `is the same on any number of threads, and from any address`(threads: Int) throws {
    let values = weights(300 * 1001)
    let expected = try Grid(
      encoding: tensor(values, [300, 1001]), pool: WorkerPool(threads: 1))
    let shifted = Buffer([0] + Buffer(littleEndian: values).bytes.array)
    let unaligned = Tensor(.float32, [300, 1001], shifted.slice(1..<shifted.count))
    for tensor in [tensor(values, [300, 1001]), unaligned] {
      let grid = try Grid(encoding: tensor, pool: WorkerPool(threads: threads))
      #expect(codes(grid) == codes(expected))
      #expect(steps(grid) == steps(expected))
      #expect(grid.relativeSquaredError == expected.relativeSquaredError)
    }
  }

  /// The kernels are compared on every instruction set in `KernelsTests`; this is their sum.
  @Test(arguments: InstructionSet.available)
  func `is made of the codes of every instruction set`(isa: InstructionSet) throws {
    let values = weights(9 * 771)
    let grid = try Grid(encoding: tensor(values, [9, 771]), pool: pool)
    let (all, steps) = (codes(grid), steps(grid))
    for row in 0..<9 {
      let range = row * 771..<(row + 1) * 771
      let part = Array(values[range])
      #expect(Float(bitPattern: peakBits(part.span, using: isa)) / 127 == steps[row])
      var codes = [Int8](repeating: 0, count: 771)
      var output = codes.mutableSpan
      quantise(part.span, by: 1 / steps[row], into: &output, using: isa)
      #expect(codes == Array(all[range]))
    }
  }

  @Test func `knows what it loses`() throws {
    let values = weights(64 * 1024)
    let grid = try Grid(encoding: tensor(values, [64, 1024]), pool: pool)
    // Uniform values over ±127 steps: an error of step²/12 against a power of (127 step)²/3.
    let expected = 1.0 / 12 / (127 * 127 / 3)
    #expect(abs(grid.relativeSquaredError / expected - 1) < 0.05)
  }
}
