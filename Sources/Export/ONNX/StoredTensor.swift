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
    switch tensor.content {
    case .plain(let values):
      self.init(values.elementType, tensor.shape) {
        defer { pack.release(tensor) }
        return try pack.read(tensor, .values)
      }
    case .grid(let codes, _):
      self.init(
        codes.elementType, tensor.shape,
        read: {
          defer { pack.release(tensor) }
          return try pack.read(tensor, .codes)
        }, readSteps: { try pack.read(tensor, .steps) })
    case .unknown: throw pack.unknownCodec(tensor)
    }
  }

  /// The values or codes of a matrix, column by column.
  func readTransposed() throws -> Buffer {
    try Tensor(elementType, shape, read()).transposed
  }
}
