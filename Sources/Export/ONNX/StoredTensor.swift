package import Bytes
internal import ClipPack
internal import PackFormat
package import Tensors

/// A tensor as a pack stores it: values, or codes and a step for each row.
package struct StoredTensor {
  package let shape: Shape
  /// Of the values or codes.
  package let elementType: ElementType
  /// Values or codes, in row-major order.
  package let read: () throws -> Buffer
  /// A float32 for each row, which its codes are multiplied with; `nil` for plain values.
  package let readSteps: (() throws -> Buffer)?

  package init(
    _ elementType: ElementType, _ shape: Shape, read: @escaping () throws -> Buffer,
    readSteps: (() throws -> Buffer)? = nil
  ) {
    self.elementType = elementType
    self.shape = shape
    self.read = read
    self.readSteps = readSteps
  }
}

extension StoredTensor {
  /// - Throws: `FormatError` for a tensor that the pack lacks, and for a codec that is not known.
  init(_ name: String, of pack: Pack) throws {
    guard let tensor = pack.tensor(name) else {
      throw FormatError(
        .inconsistent, "the pack lacks it, its network needs it", tensor: name)
    }
    let type = tensor.streams[0].elementType
    switch PackedTensor.Codec(rawValue: tensor.codec) {
    case .plain:
      self.init(type, tensor.shape) {
        defer { pack.release(tensor) }
        return try pack.read(tensor, stream: 0)
      }
    case .grid:
      self.init(
        type, tensor.shape,
        read: {
          defer { pack.release(tensor) }
          return try pack.read(tensor, stream: 0)
        }, readSteps: { try pack.read(tensor, stream: 1) })
    case nil:
      throw FormatError(
        .unsupported,
        "codec \(tensor.codec) is not known to this program: a newer clip-pack is needed",
        tensor: name)
    }
  }

  /// The values or codes of a matrix, column by column.
  ///
  /// - Precondition: elements of 1, 2 or 4 bytes.
  func readTransposed() throws -> Buffer {
    let buffer = try read()
    let rows = shape.extents.first ?? 1
    let columns = shape.count == 0 ? 0 : shape.count / rows
    switch elementType.bits {
    case 8: return buffer.transposed(rows, columns, as: UInt8.self)
    case 16: return buffer.transposed(rows, columns, as: UInt16.self)
    default: return buffer.transposed(rows, columns, as: UInt32.self)
    }
  }
}

extension Buffer {
  /// A matrix of so many rows, turned over.
  fileprivate func transposed<Element: FixedWidthInteger & BitwiseCopyable>(
    _ rows: Int, _ columns: Int, as _: Element.Type
  ) -> Buffer {
    let size = MemoryLayout<Element>.size
    // Few rows at a time, so that what is read stays in the cache.
    let tile = 64
    let input = span(of: Element.self)
    return Buffer(count: count) { output in
      for start in stride(from: 0, to: rows, by: tile) {
        for column in 0..<columns {
          for row in start..<min(start + tile, rows) {
            output.storeBytes(
              of: input[row * columns + column], toByteOffset: (column * rows + row) * size,
              as: Element.self)
          }
        }
      }
    }
  }
}
