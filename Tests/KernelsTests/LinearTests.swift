import Concurrency
import Kernels
import Testing

@Suite("linear")
struct LinearTests {
  /// One matrix in each of the types that weights are stored in.
  enum Storage: CaseIterable { case float32, misaligned, float16, bfloat16, codes }

  /// m, n, k: one panel and many, whole and cut, one row and more than a product takes.
  static let shapes = [
    (1, 1, 1), (1, 96, 8), (2, 97, 5), (7, 191, 33), (50, 200, 24), (260, 100, 9), (2, 20, 9000),
    (1030, 33, 17),
  ]

  @Test(arguments: Storage.allCases, shapes)
  func `equals the plain formula for every kind of weights`(
    storage: Storage, shape: (m: Int, n: Int, k: Int)
  ) {
    for isa in InstructionSet.available { expectPlainFormula(storage, shape, isa) }
  }

  private func expectPlainFormula(
    _ storage: Storage, _ shape: (m: Int, n: Int, k: Int), _ isa: InstructionSet
  ) {
    let weights = StoredMatrix(storage, rows: shape.n, columns: shape.k)
    let x = normals(shape.m * shape.k, seed: 21)
    let bias = normals(shape.n, seed: 22)
    let before = normals(shape.m * shape.n, seed: 23)
    for isAccumulating in [false, true] {
      let (result, isSpared) = sparesSurroundings(before.count, canary: Float(1e30)) { span in
        span.fill(from: before)
        weights.multiply(
          x, bias, accumulating: isAccumulating, into: &span, threads: 2, using: isa)
      }
      #expect(isSpared)
      var worst: Float = 0
      for row in 0..<shape.m {
        for column in 0..<shape.n {
          var sum = Double(bias[column])
          if isAccumulating { sum += Double(before[row * shape.n + column]) }
          for i in 0..<shape.k {
            sum += Double(x[row * shape.k + i]) * Double(weights.values[column * shape.k + i])
          }
          worst = max(worst, abs(result[row * shape.n + column] - Float(sum)))
        }
      }
      #expect(worst <= 2e-6 * Float(shape.k).squareRoot() * 4 + 2e-6)
    }
  }

  @Test(arguments: Storage.allCases)
  func `has the same bits on any number of threads`(storage: Storage) {
    let weights = StoredMatrix(storage, rows: 500, columns: 160)
    let x = normals(60 * 160, seed: 24)
    let bias = normals(500, seed: 25)
    let results = [1, 2, 3, 5].map { threads in
      var output = [Float](repeating: 0, count: 60 * 500)
      var span = output.mutableSpan
      weights.multiply(x, bias, accumulating: false, into: &span, threads: threads)
      return output
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }

  @Test(arguments: Storage.allCases, InstructionSet.available)
  func `a row is what the whole matrix has there`(storage: Storage, isa: InstructionSet) {
    for columns in [1, 7, 16, 33, 100] {
      let weights = StoredMatrix(storage, rows: 5, columns: columns)
      let (row, isSpared) = sparesSurroundings(columns, canary: Float(1e30)) { span in
        weights.withSpan { $0.copyRow(3, into: &span, using: isa) }
      }
      #expect(isSpared)
      #expect(row == Array(weights.values[3 * columns..<4 * columns]))
    }
  }

  @Test func `applies the activation after the bias`() {
    let weights = StoredMatrix(.float32, rows: 200, columns: 16)
    let x = normals(3 * 16, seed: 26)
    let bias = normals(200, seed: 27)
    var plain = [Float](repeating: 0, count: 600)
    var active = plain
    let pool = WorkerPool(threads: 2)
    weights.withSpan { matrix in
      var span = plain.mutableSpan
      linear(x.span, matrix, into: &span, on: pool)
      activate(&span, bias: bias.span, .quickGELU)
      span = active.mutableSpan
      linear(x.span, matrix, bias: bias.span, activation: .quickGELU, into: &span, on: pool)
    }
    #expect(plain == active)
  }
}

/// Random weights in some storage, and the floats that they stand for.
struct StoredMatrix {
  let rows: Int
  let columns: Int
  let values: [Float]
  private let storage: LinearTests.Storage
  private let bytes: [UInt8]
  private let steps: [Float]
  private var sums: [Int32] = []

  init(_ storage: LinearTests.Storage, rows: Int, columns: Int) {
    let floats = normals(rows * columns, seed: 20)
    self.storage = storage
    self.rows = rows
    self.columns = columns
    switch storage {
    case .float32, .misaligned:
      values = floats
      // Misaligned as in a file whose header has an odd length.
      bytes =
        (storage == .misaligned ? [0] : [])
        + floats.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
        }
      steps = []
    case .float16, .bfloat16:
      let half: Half = storage == .float16 ? .float16 : .bfloat16
      var halves = [UInt8](repeating: 0, count: 2 * floats.count)
      var rounded = floats
      var span = halves.mutableSpan
      var raw = unsafe span.mutableBytes
      _ = unsafe half.narrow(floats.span.bytes, into: &raw)
      var output = rounded.mutableSpan
      unsafe half.widen(halves.span.bytes, into: &output)
      values = rounded
      bytes = halves
      steps = []
    case .codes:
      let codes = floats.map { Int8($0 * 20) }
      let steps = (0..<rows).map { 0.01 + Float($0 % 7) / 500 }
      values = codes.indices.map { Float(codes[$0]) * steps[$0 / columns] }
      let panels = PackedCodes(codes, rows: rows, columns: columns)
      bytes = panels.bytes
      self.steps = steps
      sums = panels.sums
    }
  }

  func withSpan(_ body: (borrowing MatrixSpan) -> Void) {
    let raw = unsafe bytes.span.bytes
    switch storage {
    case .float32: body(MatrixSpan(float32: raw, rows: rows, columns: columns))
    case .misaligned:
      body(MatrixSpan(float32: raw.extracting(1..<bytes.count), rows: rows, columns: columns))
    case .float16: body(MatrixSpan(float16: raw, rows: rows, columns: columns))
    case .bfloat16: body(MatrixSpan(bfloat16: raw, rows: rows, columns: columns))
    case .codes:
      body(
        MatrixSpan(
          panels: raw, steps: steps.span, sums: sums.span, rows: rows, columns: columns))
    }
  }

  func multiply(
    _ x: [Float], _ bias: [Float], accumulating: Bool, into output: inout MutableSpan<Float>,
    threads: Int, using isa: InstructionSet = .widest
  ) {
    withSpan {
      linear(
        x.span, $0, bias: bias.span, accumulating: accumulating, into: &output,
        on: WorkerPool(threads: threads), using: isa)
    }
  }
}
