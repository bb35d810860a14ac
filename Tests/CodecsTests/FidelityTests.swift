import Bytes
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Codecs

/// Codes and steps held against the values that they are said to stand for.
@Suite("fidelity of codes")
struct FidelityTests {
  private static let pool = WorkerPool(threads: 2)
  private static let (rows, columns, block) = (48, 40, 1280)
  private let tensor: Tensor

  init() {
    var random = SplitMix64(seed: 11)
    let values = (0..<Self.rows * Self.columns).map { _ in
      Float.random(in: -1...1, using: &random)
    }
    tensor = Tensor(.float32, [Self.rows, Self.columns], Buffer(littleEndian: values))
  }

  private func fidelity(_ codes: [Int8], _ steps: Buffer) -> Grid.Fidelity {
    let codes = Buffer(codes.map(UInt8.init(bitPattern:)))
    return Grid.fidelity(
      of: Tensor(.int8, tensor.shape, codes), steps: steps, to: tensor,
      blockElements: Self.block, pool: Self.pool)
  }

  private func codes(_ grid: Grid) -> [Int8] {
    let codes = grid.codes.span(of: Int8.self)
    return codes.indices.map { codes[$0] }
  }

  private func grids(step: Float?) throws -> [(name: String, grid: Grid)] {
    var all = [("grid", try Grid(encoding: tensor, step: step, pool: Self.pool))]
    if let step {
      all.append(
        (
          "trellis",
          try Grid(
            trellis: tensor, step: step, price: Grid.priceForEmbeddings, blockElements: Self.block,
            pool: Self.pool)
        ))
    }
    return all
  }

  @Test(arguments: [nil, 0.02, 0.1, 0.5] as [Float?])
  func `codes that were rounded for their own values are proven, every one`(step: Float?) throws {
    for (name, grid) in try grids(step: step) {
      let honest = codes(grid)
      #expect(fidelity(honest, grid.steps) == .nearest, "\(name)")
      // Another code beside any of them is no longer what rounding gives.
      for place in stride(from: 0, to: honest.count, by: 97) {
        var changed = honest
        changed[place] += changed[place] < 127 ? 1 : -1
        #expect(fidelity(changed, grid.steps) != .nearest, "\(name), code \(place)")
      }
    }
  }

  /// A lower triangle whose columns ask much of each other.
  private func factor(_ below: Float) -> [Float] {
    (0..<Self.columns).flatMap { row in
      (0..<Self.columns).map { $0 == row ? 1 : $0 < row ? below : 0 }
    }
  }

  private func rounded(_ below: Float, step: Float?, isTrellis: Bool) throws -> Grid {
    try Grid(
      encoding: tensor, step: step, factor: factor(below),
      blockElements: isTrellis ? Self.block : nil, pool: Self.pool)
  }

  @Test func `codes that were rounded with feedback are bounded row by row`() throws {
    for isTrellis in [false, true] {
      let grid = try rounded(0.2, step: 0.1, isTrellis: isTrellis)
      let honest = codes(grid)
      #expect(grid.isNear(tensor, pool: Self.pool))
      #expect(fidelity(honest, grid.steps) == .bounded)
      // A row of its own root mean square of more than 1.25 steps may not vanish.
      var changed = honest
      for column in 0..<Self.columns { changed[7 * Self.columns + column] = 0 }
      guard case .foreign(let clause) = fidelity(changed, grid.steps) else {
        Issue.record("a row of zeros is taken for row 7")
        continue
      }
      #expect(clause.hasSuffix("steps from the source in row 7, at most 1.25 are allowed"))
    }
  }

  @Test func `feedback that leads too far is left out`() throws {
    for isTrellis in [false, true] {
      // Each column takes back ten times what all after it err.
      let grid = try rounded(10, step: 0.1, isTrellis: isTrellis)
      let plain = try grids(step: 0.1)[isTrellis ? 1 : 0].grid
      #expect(codes(grid) == codes(plain))
      #expect(grid.squaredError == plain.squaredError)
      #expect(fidelity(codes(grid), grid.steps) == .nearest)
    }
  }

  @Test func `steps are the codec's, row by row`() throws {
    let grid = try Grid(encoding: tensor, step: 0.1, pool: Self.pool)
    var steps = grid.steps.span(of: Float.self).indices.map { grid.steps.span(of: Float.self)[$0] }
    steps[5] *= 2
    #expect(
      fidelity(codes(grid), Buffer(littleEndian: steps))
        == .foreign("has a step in row 5 that its values do not give"))
  }
}
