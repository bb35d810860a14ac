package import Bytes

extension Tensor {
  /// The elements of a matrix [rows, columns] as those of [columns, rows], bit for bit, in memory
  /// of their own.
  package var transposed: Buffer {
    switch elementType.bits {
    case 16: transposed(UInt16.self)
    case 32: transposed(UInt32.self)
    case 64: transposed(UInt64.self)
    default: transposed(UInt8.self)
    }
  }

  private func transposed<Bits: FixedWidthInteger & BitwiseCopyable>(_: Bits.Type) -> Buffer {
    let size = MemoryLayout<Bits>.size
    let input = buffer.bytes
    let (rows, columns) = (rows, columns)
    // Few rows at a time, so that what is read stays in the cache.
    let tile = 64
    return Buffer(count: buffer.count) { output in
      // Elements of less than a byte have no order of their own: they stay zero.
      guard input.byteCount == rows * columns * size else { return }
      for start in stride(from: 0, to: rows, by: tile) {
        for column in 0..<columns {
          for row in start..<min(start + tile, rows) {
            let value = unsafe input.unsafeLoadUnaligned(
              fromByteOffset: (row * columns + column) * size, as: Bits.self)
            output.storeBytes(
              of: value, toByteOffset: (column * rows + row) * size, as: Bits.self)
          }
        }
      }
    }
  }
}
