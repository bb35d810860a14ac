public import Bytes
public import Kernels
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
      count: 4 * codes.shape.count, chunk: 4 * rowsPerJob * max(columns, 1), run: pool.run
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
}
