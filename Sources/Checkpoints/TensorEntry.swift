public import Tensors

/// What a file says of one of its tensors before its bytes are read.
public struct TensorEntry: Equatable, Sendable {
  public let name: String
  public let elementType: ElementType
  public let shape: Shape

  /// - Precondition: the elements fill whole bytes, as every container demands.
  public init(_ name: String, _ elementType: ElementType, _ shape: Shape) {
    precondition(
      elementType.byteCount(of: shape.count) != nil,
      "\(elementType.rawValue) \(shape) fills no whole bytes")
    self.name = name
    self.elementType = elementType
    self.shape = shape
  }

  /// How many bytes its elements take, one after the other.
  public var byteCount: Int { elementType.byteCount(of: shape.count) ?? 0 }
}
