internal import Bytes

/// A whole pickle as data.
struct PickleTree {
  /// The pickle's file, and with it all texts.
  let bytes: Buffer
  var nodes: [PickleNode] = []
  var globals: [PickleGlobal] = []
  var root = PickleValue.none

  init(_ bytes: Buffer) { self.bytes = bytes }

  /// The longest name that counts as one.
  static let longestText = 65_536

  /// A text that is a name; `nil` for any other value, for what is no UTF-8, and for texts longer
  /// than 64 KiB.
  func text(_ value: PickleValue) -> String? {
    guard case .text(let range) = value, range.count <= Self.longestText else { return nil }
    return String(validating: bytes.bytes.extracting(range).array, as: UTF8.self)
  }

  /// The elements of a tuple or a list.
  func elements(_ value: PickleValue) -> [PickleValue]? {
    guard case .node(let index) = value else { return nil }
    switch nodes[index] {
    case .tuple(let elements), .list(let elements): return elements
    default: return nil
    }
  }

  func members(_ value: PickleValue) -> [PickleMember]? {
    guard case .node(let index) = value, case .dictionary(let members) = nodes[index] else {
      return nil
    }
    return members
  }

  func tensor(_ value: PickleValue) -> PickledTensor? {
    guard case .node(let index) = value, case .tensor(let tensor) = nodes[index] else { return nil }
    return tensor
  }

  func object(_ value: PickleValue) -> PickledObject? {
    guard case .node(let index) = value, case .object(let object) = nodes[index] else { return nil }
    return object
  }

  /// What a value is, in a word or two for people.
  func kind(_ value: PickleValue) -> String {
    switch value {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .large: "a large integer"
    case .number(let value): "\(value)"
    case .text: text(value).map { JSON.quoted(String($0.prefix(40))) } ?? "a text"
    case .data(let range): "\(range.count) bytes"
    case .global(let index): "\(globals[index])"
    case .node(let index):
      switch nodes[index] {
      case .list(let elements): "a list of \(elements.count)"
      case .tuple(let elements): "a tuple of \(elements.count)"
      case .dictionary(let members): "a dictionary of \(members.count)"
      case .storage(let storage): "the storage \(JSON.quoted(storage.key))"
      case .tensor: "a tensor"
      case .object(let object): "an object of \(globals[object.global])"
      }
    }
  }
}
