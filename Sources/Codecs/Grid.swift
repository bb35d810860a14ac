public import Bytes
public import Concurrency
internal import Kernels
public import Tensors

/// A matrix on a uniform grid: whole-number codes and one float32 step a row, value ≈ code · step.
///
/// Codes are int8. Where a step so fine is asked for that many rows do not fit ±127, all codes of
/// the tensor are int16; where few do not, those rows get a coarser step. No value is clipped and
/// none errs by more than half its row's step. What the codes cost is settled by the entropy coder
/// that follows.
///
/// Specification: `Formats/clippack.md`, "Codec 1, grid". The codes and steps depend on the values
/// and the step asked for alone: not on threads, nor on the instruction set.
public struct Grid: Sendable {
  /// `[rows, columns]` of `codeType`.
  public let codes: Buffer
  /// int8 or int16.
  public let codeType: ElementType
  /// `[rows]` of float32; 0 for a row of zeros.
  public let steps: Buffer
  /// Σ (value − code · step)².
  public let squaredError: Double
  /// Σ value².
  public let power: Double

  /// `squaredError` over `power`; 0 for a tensor of zeros.
  public var relativeSquaredError: Double { power > 0 ? squaredError / power : 0 }

  /// How many elements one thread takes at a time.
  private static let elementsPerJob = 1 << 16

  init(
    codes: Buffer, codeType: ElementType, steps: Buffer, squaredError: Double, power: Double
  ) {
    self.codes = codes
    self.codeType = codeType
    self.steps = steps
    self.squaredError = squaredError
    self.power = power
  }

  /// Encodes a tensor whose rows run along its first extent.
  ///
  /// - Parameter step: of every row that it suits; `nil` for the finest that int8 codes allow, a
  ///   row's largest magnitude over 127.
  /// - Throws: `CodecError.notFinite` with the first row that has a NaN or an infinity.
  /// - Precondition: float32, float16 or bfloat16 elements; the step is a normal float.
  public init(
    encoding tensor: Tensor, step: Float? = nil, pool: WorkerPool
  ) throws(CodecError) {
    let (width, rowSteps) = try Self.steps(of: tensor, near: step, pool)
    let columns = tensor.columns
    let rows = columns == 0 ? 0 : tensor.rows
    let rowsPerJob = max(1, Self.elementsPerJob / max(columns, 1))
    let sums = Locked<[Int: (error: Double, power: Double)]>([:])
    codes = Buffer(
      count: rows * columns * width, chunk: rowsPerJob * max(columns, 1) * width, on: pool
    ) { index, output in
      let range = index * rowsPerJob..<min((index + 1) * rowsPerJob, rows)
      let sum = Self.encode(tensor, range, rowSteps, width, into: &output)
      sums.withLock { $0[index] = sum }
    }
    let all = sums.withLock { sums in sums.keys.sorted().map { sums[$0]! } }
    codeType = width == 1 ? .int8 : .int16
    steps = Buffer(littleEndian: rowSteps)
    squaredError = all.reduce(0) { $0 + $1.error }
    power = all.reduce(0) { $0 + $1.power }
  }

  /// The step of each row, and how many bytes a code takes.
  static func steps(
    of tensor: Tensor, near step: Float?, _ pool: WorkerPool
  ) throws(CodecError) -> (width: Int, steps: [Float]) {
    let finest = try finestSteps(of: tensor, pool)
    guard let step else { return (1, finest.map { $0 >= .leastNormalMagnitude ? $0 : 0 }) }
    precondition(step.isNormal && step > 0, "a step of \(step)")
    let isWide = !fitsInt8(finest, at: step)
    return (
      isWide ? 2 : 1,
      finest.map { row in
        row == 0 ? 0 : max(step, isWide ? row * 127 / 32_767 : row)
      }
    )
  }

  /// The finest step that int8 codes allow each row: its largest magnitude over 127.
  ///
  /// - Throws: `CodecError.notFinite`.
  public static func finestSteps(
    of tensor: Tensor, _ pool: WorkerPool
  ) throws(CodecError) -> [Float] {
    try peaks(of: tensor, pool).map { Float(bitPattern: $0) / 127 }
  }

  /// Whether int8 codes do where all rows should have a step: only few have a finest one that is
  /// much coarser.
  public static func fitsInt8(_ finest: [Float], at step: Float) -> Bool {
    // A row whose step is d times the best one costs 1.44 (d − 1)² times the worth of a bit a
    // weight, to second order: squared error against rate, at the slope that the step stands for.
    let excess = finest.reduce(0.0) { sum, row in
      let over = min(Double(row) / Double(step) - 1, 1)
      return over > 0 ? sum + over * over : sum
    }
    return excess <= toleratedExcess * Double(finest.count)
  }

  /// The mean excess up to which a tensor stays int8: a tenth of a bit a weight is what its faster
  /// kernels, and half the memory when it is mapped, are worth.
  private static let toleratedExcess = 0.1 / 1.44

  /// The bit patterns of the rows' largest magnitudes.
  private static func peaks(of tensor: Tensor, _ pool: WorkerPool) throws(CodecError) -> [UInt32] {
    let (rows, columns) = (tensor.rows, tensor.columns)
    guard columns > 0 else { return Array(repeating: 0, count: rows) }
    let rowsPerJob = max(1, elementsPerJob / columns)
    let peaks = pool.map((rows + rowsPerJob - 1) / rowsPerJob) { index in
      let range = index * rowsPerJob..<min((index + 1) * rowsPerJob, rows)
      return tensor.withFloats(range.lowerBound * columns..<range.upperBound * columns) {
        floats in
        (0..<range.count).map { peakBits(floats.extracting($0 * columns..<($0 + 1) * columns)) }
      }
    }.flatMap(\.self)
    if let bad = peaks.firstIndex(where: { $0 >= Float.infinity.bitPattern }) {
      throw .notFinite(row: bad)
    }
    return peaks
  }

  /// Some rows, encoded by one thread.
  private static func encode(
    _ tensor: Tensor, _ rows: Range<Int>, _ steps: [Float], _ width: Int,
    into output: inout MutableRawSpan
  ) -> (error: Double, power: Double) {
    let columns = tensor.columns
    var total = (error: 0.0, power: 0.0)
    tensor.withFloats(rows.lowerBound * columns..<rows.upperBound * columns) { floats in
      for row in 0..<rows.count {
        let range = row * columns..<(row + 1) * columns
        let values = floats.extracting(range)
        let step = steps[rows.lowerBound + row]
        // The reciprocal of a subnormal step overflows; such a row rounds to nothing.
        let inverse = step >= .leastNormalMagnitude ? 1 / step : 0
        let sums: (error: Double, power: Double)
        if width == 1 {
          var codes = output.extractCodes(range)
          quantise(values, by: inverse, into: &codes)
          sums = gridError(values, codes: codes.span, step: step)
        } else {
          var codes = output._mutatingExtracting(2 * range.lowerBound..<2 * range.upperBound)
          quantiseWide(values, by: inverse, into: &codes)
          sums = gridError(values, wideCodes: codes.bytes, step: step)
        }
        total.error += sums.error
        total.power += sums.power
      }
    }
    return total
  }
}

extension MutableRawSpan {
  @_lifetime(&self)
  mutating func extractCodes(_ range: Range<Int>) -> MutableSpan<Int8> {
    let bytes = unsafe withUnsafeMutableBytes { unsafe $0 }
    return unsafe _overrideLifetime(
      MutableSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: bytes[range])),
      mutating: &self)
  }
}

/// Values that a codec cannot carry.
public enum CodecError: Failure, Equatable {
  /// The first row with a NaN or an infinity.
  case notFinite(row: Int)

  public enum Code: String, Sendable {
    case notFinite
  }

  public var code: Code {
    switch self {
    case .notFinite: .notFinite
    }
  }
  public var subject: Subject? { nil }
  public var description: String { reason }
  public var reason: String {
    switch self {
    case .notFinite(let row): "row \(row) has a NaN or an infinity, which no grid can carry"
    }
  }
}
