public import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// How many elements one thread decodes at a time.
  private static let elementsPerDecode = 1 << 16

  /// The values that codes and steps stand for: `code · step`, rounded once to float32.
  ///
  /// - Parameter codes: int8 or int16.
  /// - Precondition: a step for each row.
  public static func decode(codes: Tensor, steps: Buffer, pool: WorkerPool) -> Buffer {
    let columns = codes.columns
    let rowsPerJob = max(1, elementsPerDecode / max(columns, 1))
    precondition(columns == 0 || codes.rows == steps.count / 4, "a step for each row")
    let isWide = codes.elementType == .int16
    return Buffer(
      count: 4 * codes.shape.count, chunk: 4 * rowsPerJob * max(columns, 1), on: pool
    ) { index, output in
      let steps = steps.span(of: Float.self)
      unsafe output.withUnsafeMutableBytes { bytes in
        var values = unsafe MutableSpan<Float>(_unsafeBytes: bytes)
        for row in 0..<values.count / max(columns, 1) {
          let from = (index * rowsPerJob + row) * columns
          let step = steps[index * rowsPerJob + row]
          var output = values._mutatingExtracting(row * columns..<(row + 1) * columns)
          if isWide {
            widen(
              wideCodes: codes.buffer.bytes.extracting(2 * from..<2 * (from + columns)), step: step,
              into: &output)
          } else {
            let codes = codes.buffer.span(of: Int8.self)
            for i in 0..<columns { output[i] = Float(codes[from + i]) * step }
          }
        }
      }
    }
  }

  /// The nearest 8-bit codes to 16-bit ones, each row with the step that just holds its largest
  /// code.
  ///
  /// - Precondition: a step for each row.
  public static func narrow(
    wideCodes: Tensor, steps: Buffer, pool: WorkerPool
  ) -> (codes: Tensor, steps: [Float]) {
    let (rows, columns) = (wideCodes.rows, wideCodes.columns)
    precondition(columns == 0 || rows == steps.count / 4, "a step for each row")
    let narrowed = Locked([Float](repeating: 0, count: rows))
    let rowsPerJob = max(1, elementsPerDecode / max(columns, 1))
    let codes = Buffer(count: rows * columns, chunk: rowsPerJob * max(columns, 1), on: pool) {
      index, output in
      var values = [Float](repeating: 0, count: columns)
      var codes = [Int8](repeating: 0, count: columns)
      let first = index * rowsPerJob
      for row in first..<min(first + rowsPerJob, rows) {
        let wide = wideCodes.buffer.bytes.extracting(2 * row * columns..<2 * (row + 1) * columns)
        var span = values.mutableSpan
        widen(wideCodes: wide, step: 1, into: &span)
        let peak = max(Float(bitPattern: peakBits(values.span)), 127)
        var narrow = codes.mutableSpan
        quantise(values.span, by: 127 / peak, into: &narrow)
        unsafe output.withUnsafeMutableBytes { bytes in
          let part = unsafe UnsafeMutableRawBufferPointer(
            rebasing: bytes[(row - first) * columns..<(row - first + 1) * columns])
          unsafe codes.withUnsafeBytes { unsafe part.copyMemory(from: $0) }
        }
        let step = steps.span(of: Float.self)[row] * (peak / 127)
        narrowed.withLock { $0[row] = step }
      }
    }
    return (Tensor(.int8, wideCodes.shape, codes), narrowed.withLock { $0 })
  }
}
