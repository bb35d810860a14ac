/// A JSON value (RFC 8259), with what configuration files need and no more.
///
/// Objects keep the order of their members, so that a header can be written back as it was read.
public enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits an `Int`.
  case integer(Int)
  /// Any other number; one that is not finite, which no file can hold, is written as null.
  case number(Double)
  case string(String)
  case array([JSON])
  case object(Object)

  /// The members of an object, in the order of the file. No key occurs twice.
  public struct Object: Equatable, Sendable {
    public private(set) var keys: [String]
    private var values: [String: JSON]

    public init() {
      keys = []
      values = [:]
    }

    public var count: Int { keys.count }

    /// Setting a new key appends it; setting `nil` removes it.
    public subscript(key: String) -> JSON? {
      get { values[key] }
      set {
        if let newValue {
          if values.updateValue(newValue, forKey: key) == nil { keys.append(key) }
        } else if values.removeValue(forKey: key) != nil {
          keys.removeAll { $0 == key }
        }
      }
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Object(elements)) }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

  /// Members in their order; of those with one key the last value counts.
  public init(_ members: [(String, JSON)]) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}

extension JSON {
  /// A number, or null for what JSON has no number for.
  public init(finite value: Double) { self = value.isFinite ? .number(value) : .null }
}

/// What a value is, or `nil` when it is something else.
extension JSON {
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var int: Int? { if case .integer(let value) = self { value } else { nil } }
  /// A whole number from 0 to 2⁵³: a size, a count or a place. Sums of such numbers, and products
  /// by small ones, are in the range of `Int`.
  public var natural: Int? {
    if case .integer(let value) = self, 0...(1 << 53) ~= value { value } else { nil }
  }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  public var object: Object? { if case .object(let value) = self { value } else { nil } }
  public var isNull: Bool { self == .null }

  /// Any number, whole or not.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// What stands here, for messages: short whatever the file says.
  public var excerpt: String {
    switch self {
    case .string(let text):
      text.utf8.count <= 60
        ? Self.quoted(text)
        : Self.quoted(String(decoding: text.utf8.prefix(60), as: UTF8.self)) + "…"
    case .array(let elements):
      elements.count <= 8 && elements.allSatisfy { $0.array == nil && $0.object == nil }
        ? "[" + elements.map(\.excerpt).joined(separator: ", ") + "]"
        : "an array of \(elements.count) elements"
    case .object(let object): "an object of \(object.count) members"
    default: description
    }
  }

  /// The member of an object; `nil` where there is none, or where this is no object.
  public subscript(key: String) -> JSON? { object?[key] }
}
