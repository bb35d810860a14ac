public import Bytes

/// Elements of one type in row-major order, and their shape.
public struct Tensor: Sendable {
  public let elementType: ElementType
  public let shape: Shape
  /// Little-endian, packed, at any alignment.
  public let buffer: Buffer

  /// - Precondition: the buffer holds exactly as many bytes as shape and type say.
  public init(_ elementType: ElementType, _ shape: Shape, _ buffer: Buffer) {
    precondition(
      elementType.byteCount(of: shape.count) == buffer.count,
      "\(buffer.count) bytes for \(elementType.rawValue) \(shape)")
    self.elementType = elementType
    self.shape = shape
    self.buffer = buffer
  }

  /// The first extent, 1 for a scalar.
  public var rows: Int { shape.extents.first ?? 1 }

  /// How many elements a row has; 0 where there are none at all.
  public var columns: Int { shape.count == 0 ? 0 : shape.count / rows }
}
