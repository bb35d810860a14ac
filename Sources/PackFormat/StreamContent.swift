public import Bytes
public import Tensors

/// The bytes of a stream on its way into a pack.
public struct StreamContent: Sendable {
  /// The number of the role; see `Stream.Role`.
  public var role: UInt8
  public var elementType: ElementType
  public var bytes: Buffer

  public init(role: UInt8, elementType: ElementType, bytes: Buffer) {
    self.role = role
    self.elementType = elementType
    self.bytes = bytes
  }

  public init(_ role: Stream.Role, _ elementType: ElementType, _ bytes: Buffer) {
    self.init(role: role.rawValue, elementType: elementType, bytes: bytes)
  }
}

extension TensorContent where Part == StreamContent {
  public static func plain(_ type: ElementType, _ values: Buffer) -> Self {
    .plain(StreamContent(.values, type, values))
  }

  /// - Parameters:
  ///   - type: of the codes, int8 or int16.
  ///   - steps: one float32 a row.
  public static func grid(_ type: ElementType, codes: Buffer, steps: Buffer) -> Self {
    .grid(
      codes: StreamContent(.codes, type, codes), steps: StreamContent(.steps, .float32, steps))
  }
}
