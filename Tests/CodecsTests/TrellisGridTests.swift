import Bytes
import Codecs
import Concurrency
import Kernels
import Platform
import Tensors
import TestSupport
import Testing

@Suite("A grid of the trellis")
struct TrellisGridTests {
  let pool = WorkerPool(threads: 2)

  enum Source: CaseIterable, Sendable { case gaussian, studentT }

  private static let all = Dictionary(
    uniqueKeysWithValues: Source.allCases.map { ($0, weights($0, 512 * 512)) })

  /// Of variance 1; the same ones on every machine but for the last bits of a logarithm.
  private func weights(_ source: Source, _ count: Int) -> [Float] {
    Array(Self.all[source]![..<count])
  }

  private static func weights(_ source: Source, _ count: Int) -> [Float] {
    var random = SplitMix64(seed: 42)
    func normal() -> Double {
      let radius = sqrt(-2 * log(1 - Double.random(in: 0..<1, using: &random)))
      return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }
    return (0..<count).map { _ in
      guard source == .studentT else { return Float(normal()) }
      // Four degrees of freedom.
      let square = (0..<4).reduce(0.0) { sum, _ in
        let x = normal()
        return sum + x * x
      }
      return Float(normal() / sqrt(square / 4) / sqrt(2))
    }
  }

  private func tensor(_ values: [Float], _ shape: Shape) -> Tensor {
    Tensor(.float32, shape, Buffer(littleEndian: values))
  }

  /// Stored bits a weight of a grid's codes in blocks of a pack.
  private func bits(_ grid: Grid, columns: Int, block: Int) -> (Double, Set<BlockEncoding>) {
    let coder = BlockCoder()
    var encodings: Set<BlockEncoding> = []
    let bytes = stride(from: 0, to: grid.codes.count, by: block).reduce(0) { sum, start in
      let part = grid.codes.slice(start..<min(start + block, grid.codes.count))
      let (encoding, bytes) = coder.encode(part.bytes, of: .int8, columns: columns)
      encodings.insert(encoding)
      return sum + bytes.count
    }
    return (8 * Double(bytes) / Double(grid.codes.count), encodings)
  }

  /// The plain grid's bits where its error is as large, by the step between.
  private func plainBits(_ tensor: Tensor, error: Double, near step: Float) throws -> Double {
    var (low, high) = (step, 3 * step)
    for _ in 0..<12 {
      let middle = (low * high).squareRoot()
      if try Grid(encoding: tensor, step: middle, pool: pool).squaredError < error {
        low = middle
      } else {
        high = middle
      }
    }
    let grid = try Grid(encoding: tensor, step: low, pool: pool)
    return bits(grid, columns: tensor.columns, block: 1 << 18).0
  }

  /// Steps for about 2, 3 and 4 bits, and what each gains, less 0.02 bits.
  @Test(
    arguments: Source.allCases, [(0.5 as Float, 0.225), (0.26, 0.19), (0.13, 0.18)])
  func `takes fewer bits than a plain grid of the same error`(
    source: Source, rate: (step: Float, gain: Double)
  ) throws {
    let tensor = tensor(weights(source, 512 * 512), [512, 512])
    let grid = try Grid(trellis: tensor, step: rate.step, blockElements: 1 << 18, pool: pool)
    let (found, encodings) = bits(grid, columns: 512, block: 1 << 18)
    #expect(encodings == [.trellis])
    let plain = try plainBits(tensor, error: grid.squaredError, near: rate.step)
    print("\(source), step \(rate.step): \(found) bits, the plain grid \(plain)")
    #expect(plain - found > rate.gain)
  }

  @Test(arguments: [1 << 18, 50_001])
  func `is as large and as far off as estimated`(block: Int) throws {
    var values = weights(.studentT, 600 * 300)
    // Rows of different spread.
    for row in 0..<600 {
      for column in 0..<300 { values[row * 300 + column] *= 1 + Float(row % 7) / 3 }
    }
    let tensor = tensor(values, [600, 300])
    for step in [0.15, 1.2] as [Float] {
      let grid = try Grid(trellis: tensor, step: step, blockElements: block, pool: pool)
      let (found, encodings) = bits(grid, columns: 300, block: block)
      #expect(encodings == [.trellis])
      let stepBytes = BlockCoder().encode(grid.steps.bytes, of: .float32).bytes.count
      let bytes = found * 180_000 / 8 + Double(stepBytes)
      for elements in [1 << 18, 1 << 15] {
        let estimate = try Grid.estimate(
          trellis: tensor, step: step, blockElements: block, elements: elements, pool: pool)
        let tolerance = elements == 1 << 18 ? 0.01 : 0.04
        #expect(abs(estimate.bytes / bytes - 1) < tolerance)
        #expect(abs(estimate.squaredError / grid.squaredError - 1) < tolerance)
      }
    }
  }

  @Test(arguments: [1, 3])
  func `is the same on any number of threads, from any address and element type`(
    threads: Int
  ) throws {
    let wide = tensor(weights(.gaussian, 200 * 333), [200, 333])
    let half = try wide.rounded(to: .bfloat16, .bfloat16, pool: pool)
    let values = half.withFloats(0..<66_600) { span in span.indices.map { span[$0] } }
    func grid(_ tensor: Tensor, _ threads: Int) throws -> Grid {
      try Grid(
        trellis: tensor, step: 0.3, blockElements: 20_000, pool: WorkerPool(threads: threads))
    }
    let expected = try grid(tensor(values, [200, 333]), 2)
    let shifted = Buffer([0] + Buffer(littleEndian: values).bytes.array)
    let unaligned = Tensor(.float32, [200, 333], shifted.slice(1..<shifted.count))
    for tensor in [half, tensor(values, [200, 333]), unaligned] {
      let found = try grid(tensor, threads)
      #expect(found.codes.bytes.array == expected.codes.bytes.array)
      #expect(found.steps.bytes.array == expected.steps.bytes.array)
      #expect(found.squaredError == expected.squaredError && found.power == expected.power)
    }
  }

  @Test func `knows what it loses`() throws {
    let values = weights(.gaussian, 64 * 100)
    let grid = try Grid(
      trellis: tensor(values, [64, 100]), step: 0.4, blockElements: 1 << 16, pool: pool)
    let codes = grid.codes.bytes.array.map { Int8(bitPattern: $0) }
    let error = zip(values, codes).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(Float(pair.1) * 0.4)
      return sum + difference * difference
    }
    #expect(abs(grid.squaredError / error - 1) < 1e-6)
    #expect(grid.squaredError / 6400 < 0.3 * 0.4 * 0.4)
  }

  @Test func `fits rows with outliers, and keeps zeros`() throws {
    var values = weights(.gaussian, 20 * 64)
    values[70] = 100
    for column in 0..<64 {
      values[3 * 64 + column] = 0
      values[5 * 64 + column] = Float.leastNonzeroMagnitude
    }
    let grid = try Grid(
      trellis: tensor(values, [20, 64]), step: 0.25, blockElements: 1 << 16, pool: pool)
    let steps = grid.steps.span(of: Float.self)
    let codes = grid.codes.span(of: Int8.self)
    for row in 0..<20 {
      #expect(steps[row] == (row == 1 ? 100 / 127 : row == 3 || row == 5 ? 0 : 0.25))
      for column in 0..<64 {
        let value = Float(codes[row * 64 + column]) * steps[row]
        #expect(abs(value - values[row * 64 + column]) <= 4 * steps[row] + 1e-30)
      }
    }
  }

  @Test func `has a scalar, and tensors without elements`() throws {
    let scalar = try Grid(trellis: tensor([-3], []), step: 0.1, blockElements: 100, pool: pool)
    let code = scalar.codes.span(of: Int8.self)[0]
    #expect(code % 2 == 0 && abs(Float(code) * 0.1 + 3) <= 0.1001)
    for shape in [[0], [0, 5], [5, 0], [2, 0, 3]] as [Shape] {
      let grid = try Grid(trellis: tensor([], shape), step: 1, blockElements: 100, pool: pool)
      #expect(grid.codes.count == 0 && grid.steps.count == 4 * shape.extents[0])
      #expect(grid.squaredError == 0)
      let estimate = try Grid.estimate(
        trellis: tensor([], shape), step: 1, blockElements: 100, pool: pool)
      #expect(estimate.squaredError == 0)
    }
  }

  @Test func `refuses what a code cannot say, and names the first row`() {
    var values = weights(.gaussian, 300 * 10)
    values[1234] = .nan
    values[2000] = .infinity
    #expect(throws: CodecError.notFinite(row: 123)) {
      try Grid(
        trellis: tensor(values, [300, 10]), step: 0.3, blockElements: 1 << 16, pool: pool)
    }
  }
}
