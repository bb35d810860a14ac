internal import CKernels
public import Concurrency

/// Activations as bfloat16, each row padded with zeros. The memory is used again.
public struct HalfRows: Sendable {
  public private(set) var rows = 0
  public private(set) var width = 0
  /// At least `[rows, stride]`.
  private(set) var halves: [UInt16] = []

  /// How many elements one row is from the next.
  var stride: Int { Panels.stride(rowBytes: 2 * width) / 2 }

  /// What a product runs over: the width and the zeros behind it.
  static func padded(_ width: Int) -> Int {
    let padding = Int(CK_BF16_PADDING)
    return (width + padding - 1) / padding * padding
  }

  public init() {}

  /// Rounds rows anew, to nearest, ties to even.
  ///
  /// - Parameter x: `[rows, width]`.
  /// - Precondition: whole rows.
  public mutating func round(
    _ x: Span<Float>, width: Int, on pool: WorkerPool, using isa: InstructionSet = .widest
  ) {
    precondition(width > 0 && x.count % width == 0, "\(x.count) floats in rows of \(width)")
    rows = x.count / width
    self.width = width
    let (rows, stride) = (rows, stride)
    if halves.count < rows * stride { halves = Array(repeating: 0, count: rows * stride) }
    unsafe x.withUnsafeBufferPointer { x in
      unsafe halves.withUnsafeMutableBufferPointer { halves in
        guard rows > 0 else { return }
        nonisolated(unsafe) let x = x.baseAddress!
        nonisolated(unsafe) let halves = halves.baseAddress!
        // Some 10 µs of work a share.
        let share = max(1, 65_536 / width)
        pool.run((rows + share - 1) / share) { index in
          for row in index * share..<min((index + 1) * share, rows) {
            let start = unsafe halves + row * stride
            _ = unsafe ck_f32_to_bf16(start, x + row * width, width, isa.c)
            unsafe (start + width).update(repeating: 0, count: stride - width)
          }
        }
      }
    }
  }
}
