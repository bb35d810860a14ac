import Concurrency
import Kernels
import TestSupport
import Testing

@Suite("The search through the trellis")
struct TrellisSearchTests {
  /// Costs like those of about Gaussian codes, a little lopsided.
  static let costs: Trellis.Costs = {
    let codes = normals(5000, seed: 1, scale: 5).map { Int8($0.rounded()) }
    return Trellis.Frequencies((codes + [-30, -31, -31]).span).spread.costs(price: 0.4)
  }()

  private func search(
    _ values: [Float], _ layout: Trellis.Layout, _ inverses: [Float], threads: Int = 1,
    _ isa: InstructionSet = .widest, _ costs: Trellis.Costs = Self.costs
  ) -> [Int8] {
    let pool = WorkerPool(threads: threads)
    let (codes, isSpared) = sparesSurroundings(values.count, canary: Int8(99)) {
      Trellis.search(
        values.span, layout, inverses: inverses.span, costs: costs, into: &$0, on: pool, using: isa)
    }
    #expect(isSpared)
    return codes
  }

  @Test(
    arguments: [(1, 1), (5, 3), (40, 15), (33, 16), (100, 17), (70, 33), (20, 100)],
    [1, 7, 500, 1 << 20])
  func `gives the same codes on every instruction set and number of threads`(
    shape: (rows: Int, columns: Int), block: Int
  ) {
    let (rows, columns) = shape
    let values = normals(rows * columns, seed: UInt64(rows), scale: 4)
    let inverses = (0..<rows).map { 1 / (1 + Float($0 % 3)) }
    let layout = Trellis.Layout(rows: rows, columns: columns, block: block)
    let expected = search(values, layout, inverses, .scalar)
    for isa in InstructionSet.available {
      for threads in [1, 3] {
        #expect(search(values, layout, inverses, threads: threads, isa) == expected)
      }
      // Column by column, chain by chain.
      for column in 0..<columns {
        let x = (0..<rows).map { values[$0 * columns + column] }
        var codes: [Int8] = []
        for rows in layout.chains(ofColumn: column) {
          let (part, isSpared) = sparesSurroundings(rows.count, canary: Int8(99)) {
            Trellis.search(
              chain: x.span.extracting(rows), inverses: inverses.span.extracting(rows),
              costs: Self.costs, into: &$0, using: isa)
          }
          #expect(isSpared)
          codes += part
        }
        #expect(codes == (0..<rows).map { expected[$0 * columns + column] })
      }
    }
  }

  @Test(arguments: [1, 7, 64, 65, 130, 4096], [(1, 1), (9, 13), (7, 64), (13, 70)])
  func `lays out every element once, and begins where blocks do`(
    block: Int, shape: (rows: Int, columns: Int)
  ) {
    let layout = Trellis.Layout(rows: shape.rows, columns: shape.columns, block: block)
    var seen = [Int](repeating: 0, count: shape.rows * shape.columns)
    for piece in layout.pieces {
      #expect(piece.columns.count <= 64 && piece.count > 0)
      for column in piece.columns {
        let indices = piece.rows.map { $0 * shape.columns + column }
        for index in indices { seen[index] += 1 }
        #expect(layout.chains(ofColumn: column).contains(piece.rows))
        // Codes of one chain are of one block, and all of it that the column has.
        let blocks = Set(indices.map { $0 / block })
        #expect(blocks.count == 1)
        let (above, below) = (indices[0] - shape.columns, indices.last! + shape.columns)
        #expect(above < 0 || above / block < blocks.first!)
        #expect(below >= seen.count || below / block > blocks.first!)
      }
    }
    #expect(seen.allSatisfy { $0 == 1 })
  }

  @Test func `follows the machine, from its start in every block`() {
    let (rows, columns, block) = (50, 37, 600)
    let values = normals(rows * columns, seed: 3, scale: 5)
    let layout = Trellis.Layout(rows: rows, columns: columns, block: block)
    let codes = search(values, layout, [Float](repeating: 1, count: rows))
    var machines: [TrellisMachine] = []
    for (index, code) in codes.enumerated() {
      if index % block == 0 { machines = Array(repeating: TrellisMachine(), count: columns) }
      let isAllowed = machines[index % columns].take(Int(code))
      #expect(isAllowed, "code \(index)")
    }
  }

  /// Every path of the machine over codes near the values, tried.
  @Test func `finds the cheapest path there is`() {
    let free = Trellis.Frequencies().costs(price: 0)
    for seed in 0..<12 as Range<UInt64> {
      let values = normals(5, seed: seed, scale: 2)
      let codes = search(
        values, .init(rows: 5, columns: 1, block: 100), [Float](repeating: 1, count: 5),
        .widest, free)
      func error(_ code: Int, _ row: Int) -> Float {
        let difference = values[row] - Float(code)
        return difference * difference
      }
      func cheapest(_ row: Int, _ machine: TrellisMachine) -> Float {
        guard row < 5 else { return 0 }
        return (-6...6).reduce(.infinity) { least, code in
          var next = machine
          guard next.take(code) else { return least }
          return min(least, error(code, row) + cheapest(row + 1, next))
        }
      }
      let found = codes.enumerated().reduce(0) { $0 + error(Int($1.element), $1.offset) }
      #expect(abs(found - cheapest(0, TrellisMachine())) < 1e-4)
    }
  }

  @Test(arguments: InstructionSet.available)
  func `stays within ±127, whatever the values`(isa: InstructionSet) {
    let values: [Float] = [
      127, -127, 127.5, -127.5, 126, -126, 125, 0, -0.0, 1e30, -1e30, .infinity, -.infinity, .nan,
      124, -124,
    ]
    let rows = values.count
    for _ in 0..<2 {
      let codes = search(
        values, .init(rows: rows, columns: 1, block: 1 << 20),
        [Float](repeating: 1, count: rows), isa)
      #expect(codes.allSatisfy { $0 > -128 })
      #expect(
        zip(codes, values).prefix(11).allSatisfy { abs(Float($0) - max(-127, min(127, $1))) < 4 })
    }
  }

  @Test func `does not wear out over long chains`() {
    let rows = 50_000
    let values = normals(rows, seed: 8, scale: 6)
    let codes = search(
      values, .init(rows: rows, columns: 1, block: 1 << 20), [Float](repeating: 1, count: rows))
    func error(_ range: Range<Int>) -> Float {
      range.reduce(0) { $0 + (values[$1] - Float(codes[$1])) * (values[$1] - Float(codes[$1])) }
    }
    #expect(abs(error(0..<10_000) / error(40_000..<50_000) - 1) < 0.05)
  }
}
