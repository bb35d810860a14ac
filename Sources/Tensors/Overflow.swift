public import Bytes

/// Finite values that lie beyond the range of the type that they were to be rounded to.
public struct Overflow: Failure, Equatable {
  public enum Code: String, Sendable {
    case overflow
  }

  /// How many there are.
  public var count: Int
  public var type: ElementType

  public init(count: Int, type: ElementType) {
    self.count = count
    self.type = type
  }

  public var code: Code { .overflow }
  public var subject: Subject? { nil }
  public var description: String { reason }
  public var reason: String { "\(count) values lie beyond the range of \(type.rawValue)" }
}
