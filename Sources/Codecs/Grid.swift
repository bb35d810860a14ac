public import Bytes
public import Kernels
internal import Synchronization
public import Tensors

/// A matrix on a uniform grid: int8 codes and one float32 step a row, value ≈ code · step.
///
/// The step of a row is its largest magnitude over 127, so no value is clipped and none errs by
/// more than half a step. What the codes cost is settled by the entropy coder that follows.
///
/// Specification: `Formats/clippack.md`, "Codec 1, grid". The codes and steps depend on the values
/// alone: not on threads, nor on the instruction set.
public struct Grid: Sendable {
  /// `[rows, columns]` of int8.
  public let codes: Buffer
  /// `[rows]` of float32; 0 for a row of zeros.
  public let steps: Buffer
  /// Σ (value − code · step)² over Σ value²; 0 for a tensor of zeros.
  public let relativeSquaredError: Double

  /// How many elements one thread takes at a time.
  private static let elementsPerJob = 1 << 16

  /// Encodes a tensor whose rows run along its first extent.
  ///
  /// - Throws: `CodecError.notFinite` with the first row that has a NaN or an infinity.
  /// - Precondition: float32, float16 or bfloat16 elements.
  public init(encoding tensor: Tensor, pool: WorkerPool) throws(CodecError) {
    let columns = tensor.columns
    let rows = columns == 0 ? 0 : tensor.rows
    let rowsPerJob = max(1, Self.elementsPerJob / max(columns, 1))
    let jobs = Mutex<[Int: Job]>([:])
    codes = try Buffer(count: rows * columns, chunk: rowsPerJob * max(columns, 1), run: pool.run) {
      (index, output) throws(CodecError) in
      let job = try Job(
        tensor, rows: index * rowsPerJob..<min((index + 1) * rowsPerJob, rows), into: &output)
      jobs.withLock { $0[index] = job }
    }
    let done = jobs.withLock { jobs in jobs.keys.sorted().map { jobs[$0]! } }
    steps = Buffer(
      littleEndian: done.flatMap(\.steps) + Array(repeating: 0, count: tensor.rows - rows))
    let error = done.reduce(0) { $0 + $1.error }
    let power = done.reduce(0) { $0 + $1.power }
    relativeSquaredError = power > 0 ? error / power : 0
  }

  /// Some rows, encoded by one thread.
  private struct Job: Sendable {
    var steps: [Float] = []
    var error = 0.0
    var power = 0.0

    init(_ tensor: Tensor, rows: Range<Int>, into output: inout MutableRawSpan) throws(CodecError) {
      let columns = tensor.columns
      var firstBad: Int?
      tensor.withFloats(rows.lowerBound * columns..<rows.upperBound * columns) { floats in
        for row in 0..<rows.count {
          let range = row * columns..<(row + 1) * columns
          let values = floats.extracting(range)
          let peak = peakBits(values)
          guard peak < Float.infinity.bitPattern else {
            firstBad = firstBad ?? rows.lowerBound + row
            return
          }
          let step = Float(bitPattern: peak) / 127
          var codes = output.extractCodes(range)
          // The reciprocal of a subnormal step overflows; such a row rounds to nothing.
          if step >= Float.leastNormalMagnitude {
            quantise(values, by: 1 / step, into: &codes)
            steps.append(step)
          } else {
            for i in codes.indices { codes[i] = 0 }
            steps.append(0)
          }
          let (error, power) = gridError(values, codes: codes.span, step: steps[row])
          self.error += error
          self.power += power
        }
      }
      if let firstBad { throw .notFinite(row: firstBad) }
    }
  }
}

extension MutableRawSpan {
  @_lifetime(&self)
  fileprivate mutating func extractCodes(_ range: Range<Int>) -> MutableSpan<Int8> {
    let bytes = unsafe withUnsafeMutableBytes { unsafe $0 }
    return unsafe _overrideLifetime(
      MutableSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: bytes[range])),
      mutating: &self)
  }
}

/// Values that a codec cannot carry.
public enum CodecError: Error, Equatable, CustomStringConvertible {
  /// The first row with a NaN or an infinity.
  case notFinite(row: Int)
  /// How many finite values lie beyond the range of the type they should be rounded to.
  case overflow(count: Int, type: ElementType)

  public var description: String {
    switch self {
    case .notFinite(let row):
      "row \(row) has a NaN or an infinity, which only --to lossless can carry"
    case .overflow(let count, let type):
      "\(count) values lie beyond the range of \(type.rawValue); --to bf16, int8 or lossless "
        + "can carry them"
    }
  }
}

extension Grid {
  /// The values that codes and steps stand for: `code · step`, rounded once to float32.
  ///
  /// - Precondition: a step for each row of `columns` codes.
  public static func decode(
    codes: Buffer, steps: Buffer, columns: Int, pool: WorkerPool
  ) -> Buffer {
    let rowsPerJob = max(1, elementsPerJob / max(columns, 1))
    precondition(columns == 0 || codes.count == columns * (steps.count / 4), "a step for each row")
    return Buffer(count: 4 * codes.count, chunk: 4 * rowsPerJob * max(columns, 1), run: pool.run) {
      index, output in
      let codes = codes.span(of: Int8.self)
      let steps = steps.span(of: Float.self)
      unsafe output.withUnsafeMutableBytes { bytes in
        var values = unsafe MutableSpan<Float>(_unsafeBytes: bytes)
        let start = index * rowsPerJob * columns
        for i in 0..<values.count {
          values[i] = Float(codes[start + i]) * steps[(start + i) / columns]
        }
      }
    }
  }
}
