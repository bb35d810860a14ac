internal import Bytes

/// What the functions of the closed list would make.
extension PickleReader {
  /// REDUCE and NEWOBJ.
  mutating func call(
    _ callee: PickleValue, _ arguments: PickleValue, isClass: Bool
  ) throws(FormatError) -> PickleValue {
    guard case .global(let index) = callee else {
      throw refused("\(tree.kind(callee)) is called, which is no function or class")
    }
    guard case .node(let node) = arguments, case .tuple(let values) = tree.nodes[node] else {
      throw refused("\(tree.globals[index]) is called with \(tree.kind(arguments)), no tuple")
    }
    return try call(index, values)
  }

  private mutating func call(
    _ index: Int, _ values: [PickleValue]
  ) throws(FormatError) -> PickleValue {
    let global = tree.globals[index]
    switch global.meaning {
    case .orderedDictionary, .dictionary:
      return add(.dictionary(try pairs(values, global)))
    case .collection:
      guard let first = values.first else { return add(.list([])) }
      guard tree.elements(first) != nil || tree.members(first) != nil else {
        throw refused("\(global) is called with \(described(values)), a list is required")
      }
      return first
    case .tensor(let version):
      return add(.tensor(try tensor(version, values, global)))
    case .parameter:
      guard let value = values.first, tree.tensor(value) != nil else {
        throw refused("\(global) is called with \(described(values)), a tensor is required")
      }
      return value
    case .subclass:
      return try subclass(index, values)
    case .storage, .elementType, .dangerous, .other:
      return add(.object(PickledObject(global: index)))
    }
  }

  /// A function of a tensor's class: (function, class, its arguments, state).
  private mutating func subclass(
    _ index: Int, _ values: [PickleValue]
  ) throws(FormatError) -> PickleValue {
    guard values.count == 4, case .global(let function) = values[0],
      case .global(let type) = values[1], let arguments = tree.elements(values[2])
    else {
      throw refused("\(tree.globals[index]) is called with \(described(values))")
    }
    let isPlain = [
      PickleGlobal(module: "torch", name: "Tensor"),
      PickleGlobal(module: "torch.nn.parameter", name: "Parameter"),
      PickleGlobal(module: "torch.nn.parameter", name: "Buffer"),
    ].contains(tree.globals[type])
    switch tree.globals[function].meaning {
    case .tensor where isPlain, .parameter where isPlain: return try call(function, arguments)
    default: return add(.object(PickledObject(global: isPlain ? function : type)))
    }
  }

  /// What an OrderedDict begins with: nothing, or a list of pairs.
  private func pairs(
    _ values: [PickleValue], _ global: PickleGlobal
  ) throws(FormatError) -> [PickleMember] {
    guard let first = values.first, tree.elements(first) != nil || tree.members(first) != nil else {
      // A defaultdict is given its factory.
      return []
    }
    if let members = tree.members(first) { return members }
    var members: [PickleMember] = []
    for element in tree.elements(first) ?? [] {
      guard let pair = tree.elements(element), pair.count == 2 else {
        throw refused("\(global) is called with a list that holds \(tree.kind(element)), no pair")
      }
      members.append(PickleMember(key: pair[0], value: pair[1]))
    }
    return members
  }

  private func tensor(
    _ version: Int, _ values: [PickleValue], _ global: PickleGlobal
  ) throws(FormatError) -> PickledTensor {
    let least = version == 1 ? 4 : version == 2 ? 6 : 7
    guard values.count >= least, values.count <= least + 1,
      case .node(let index) = values[0], case .storage(let storage) = tree.nodes[index],
      case .integer(let offset) = values[1],
      let extents = integers(values[2]), let strides = integers(values[3])
    else {
      throw refused(
        "\(global) is called with \(described(values)); a storage, its offset, sizes and strides "
          + "are required")
    }
    if version != 1, let metadata = values.dropFirst(version == 2 ? 6 : 7).first,
      metadata != .none, tree.members(metadata)?.isEmpty != true
    {
      throw FormatError(
        .unsupported,
        "a tensor of storage \(JSON.quoted(storage.key)) is marked as conjugate or negative; call "
          + "resolve_conj() and resolve_neg() before it is saved", at: place)
    }
    var type: StorageType?
    if version == 3 {
      guard case .global(let global) = values[6],
        case .elementType(let elements) = tree.globals[global].meaning
      else { throw refused("\(global) is called with \(tree.kind(values[6])) as dtype") }
      type = elements
    }
    return PickledTensor(
      storage: storage, offset: offset, extents: extents, strides: strides, type: type)
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard let elements = tree.elements(value) else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// A persistent id: `("storage", class, key, location, count)`, in old files with a view behind.
  mutating func persistent(_ id: PickleValue) throws(FormatError) -> PickleValue {
    guard let fields = tree.elements(id), let kind = fields.first.flatMap(tree.text) else {
      throw refused(
        "a persistent id is \(tree.kind(id)), a tuple that begins with a text is required")
    }
    guard kind == "storage" else {
      throw FormatError(
        .unsupported,
        "the pickle refers to a \(JSON.quoted(kind)) outside of it; save the model's state_dict() "
          + "instead of the model", at: place)
    }
    guard 5...6 ~= fields.count, case .global(let global) = fields[1],
      case .storage(let type) = tree.globals[global].meaning, let key = tree.text(fields[2]),
      let location = tree.text(fields[3]), case .integer(let count) = fields[4], count >= 0
    else {
      throw refused(
        "a persistent id is \(described(fields)); \"storage\", its class, key, location and count "
          + "are required")
    }
    var storage = PickledStorage(
      key: key, type: type, count: count, wholeCount: count, isMeta: location == "meta")
    if fields.count == 6, fields[5] != .none {
      guard let view = tree.elements(fields[5]), view.count == 3,
        case .integer(let start) = view[1], case .integer(let size) = view[2],
        start >= 0, size >= 0, start <= count, size <= count - start
      else { throw refused("storage \(JSON.quoted(key)) has a view that does not lie in it") }
      (storage.start, storage.count) = (start, size)
    }
    return add(.storage(storage))
  }

  private func described(_ values: [PickleValue]) -> String {
    "(" + values.prefix(8).map(tree.kind).joined(separator: ", ") + ")"
  }
}
