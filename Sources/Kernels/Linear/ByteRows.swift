internal import CKernels
public import Concurrency

/// Activations as unsigned codes of 8 or 16 bits, with one scale and one zero point a row:
/// `x[r, i] ≈ scales[r] · (codes[r, i] − zeros[r])`.
///
/// Codes of 16 bits are two planes, the more significant bytes of a row before the others. The
/// range of a row is its own, so an outlier costs its row alone; the zero point makes use of all
/// codes where values are mostly of one sign, as behind a GELU. The memory is used again.
public struct ByteRows: Sendable {
  public private(set) var rows = 0
  public private(set) var width = 0
  /// Of each row: 1 or 2.
  private(set) var planes = 1
  /// How many bytes one plane is from the next.
  private(set) var stride = 0
  /// At least `[rows, planes, stride]`.
  private(set) var codes: [UInt8] = []
  /// At least `rows`.
  private(set) var scales: [Float] = []
  /// At least `[rows, planes]`.
  private(set) var zeros: [Int32] = []

  public init() {}

  /// The longest row whose sums of products cannot overflow.
  public static let widest = Int(CK_INT8_DEPTH)

  /// Quantises rows anew.
  ///
  /// - Parameters:
  ///   - x: `[rows, width]`.
  ///   - bits: 8 or 16.
  /// - Precondition: whole rows.
  public mutating func quantise(
    _ x: Span<Float>, width: Int, bits: Int = 8, on pool: WorkerPool,
    using isa: InstructionSet = .widest
  ) {
    precondition(width > 0 && x.count % width == 0, "\(x.count) floats in rows of \(width)")
    precondition(bits == 8 || bits == 16, "codes of \(bits) bits")
    planes = bits / 8
    rows = x.count / width
    self.width = width
    stride = Panels.stride(rowBytes: width)
    let size = rows * planes * stride
    if codes.count < size { codes = Array(repeating: 0, count: size) }
    if scales.count < rows { scales = Array(repeating: 0, count: rows) }
    if zeros.count < rows * planes { zeros = Array(repeating: 0, count: rows * planes) }
    guard rows > 0 else { return }
    let (rows, planes, stride) = (rows, planes, stride)
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
                codes + first * planes * stride, scales + first, zeros + first * planes,
                x + first * width, min(share, rows - first), width, stride, planes, isa.c)
            }
          }
        }
      }
    }
  }

  /// One row as floats.
  public func row(_ index: Int) -> [Float] {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    return (0..<width).map { column in
      let code = (0..<planes).reduce(Int32(0)) { code, plane in
        let row = index * planes + plane
        return 256 * code + Int32(codes[row * stride + column]) - zeros[row]
      }
      return scales[index] * Float(code)
    }
  }
}
