internal import CKernels

/// Activations as unsigned 8-bit codes, with one scale and one zero point a row:
/// `x[r, i] ≈ scales[r] · (codes[r, i] − zeros[r])`.
///
/// The range of a row is its own, so an outlier costs its row alone; the zero point makes use of all
/// codes where values are mostly of one sign, as behind a GELU. The memory is used again.
public struct ByteRows: Sendable {
  public private(set) var rows = 0
  public private(set) var width = 0
  /// How many bytes one row is from the next.
  private(set) var stride = 0
  /// At least `[rows, stride]`.
  private(set) var codes: [UInt8] = []
  /// At least `rows`.
  private(set) var scales: [Float] = []
  private(set) var zeros: [Int32] = []

  public init() {}

  /// The longest row whose sums of products cannot overflow.
  public static let widest = Int(CK_INT8_DEPTH)

  /// Codes rows anew.
  ///
  /// - Parameter x: `[rows, width]`.
  /// - Precondition: whole rows.
  public mutating func code(
    _ x: Span<Float>, width: Int, on pool: WorkerPool, using isa: InstructionSet = .widest
  ) {
    precondition(width > 0 && x.count % width == 0, "\(x.count) floats in rows of \(width)")
    rows = x.count / width
    self.width = width
    stride = Panels.stride(rowBytes: width)
    if codes.count < rows * stride { codes = Array(repeating: 0, count: rows * stride) }
    if scales.count < rows {
      scales = Array(repeating: 0, count: rows)
      zeros = Array(repeating: 0, count: rows)
    }
    guard rows > 0 else { return }
    let (rows, stride) = (rows, stride)
    unsafe x.withUnsafeBufferPointer { x in
      unsafe codes.withUnsafeMutableBufferPointer { codes in
        unsafe scales.withUnsafeMutableBufferPointer { scales in
          unsafe zeros.withUnsafeMutableBufferPointer { zeros in
            nonisolated(unsafe) let x = x.baseAddress!
            nonisolated(unsafe) let codes = codes.baseAddress!
            nonisolated(unsafe) let scales = scales.baseAddress!
            nonisolated(unsafe) let zeros = zeros.baseAddress!
            // Some 10 µs of work a share.
            let share = max(1, 65_536 / width)
            pool.run((rows + share - 1) / share) { index in
              let first = index * share
              unsafe ck_quantise_rows_u8(
                codes + first * stride, scales + first, zeros + first, x + first * width,
                min(share, rows - first), width, stride, isa.c)
            }
          }
        }
      }
    }
  }

  /// One row as floats.
  public func row(_ index: Int) -> [Float] {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    return codes[index * stride..<index * stride + width].map {
      scales[index] * Float(Int32($0) - zeros[index])
    }
  }
}
