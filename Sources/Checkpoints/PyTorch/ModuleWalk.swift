internal import Bytes

/// Names the tensors of an inert module as `state_dict()` would.
struct ModuleWalk {
  let tree: PickleTree
  /// TorchScript keeps tensors and modules as attributes; Python keeps them in `_parameters`,
  /// `_buffers` and `_modules`.
  let isScript: Bool
  private(set) var members: [(name: String, tensor: PickledTensor)] = []
  private(set) var leftOut: [String] = []
  private var known: Set<String> = []
  private var visits = 0

  static let maximumDepth = 64

  init(tree: PickleTree, isScript: Bool) {
    self.tree = tree
    self.isScript = isScript
  }

  mutating func visit(
    _ value: PickleValue, prefix: String, depth: Int
  ) throws(FormatError) {
    visits += 1
    guard depth < Self.maximumDepth, visits <= PyTorchContents.maximumTensors else {
      throw FormatError(
        .unsupported,
        "modules lie \(depth) deep in each other or are \(visits) in all; at most "
          + "\(Self.maximumDepth) and \(PyTorchContents.maximumTensors) are read")
    }
    guard let object = tree.object(value), let attributes = tree.members(object.state) else {
      return
    }
    for attribute in attributes {
      guard let name = tree.text(attribute.key) else { continue }
      if isScript {
        try visit(attribute: name, attribute.value, prefix, depth)
      } else {
        try visit(table: name, attribute.value, attributes, prefix, depth)
      }
    }
  }

  private mutating func visit(
    attribute name: String, _ value: PickleValue, _ prefix: String, _ depth: Int
  ) throws(FormatError) {
    if let tensor = tree.tensor(value) {
      try add(name, tensor, prefix)
    } else if tree.object(value) != nil {
      try visit(value, prefix: path(name, prefix) + ".", depth: depth + 1)
    } else if Wrapper.holdsTensors(value, tree) {
      leftOut.append("\(prefix)\(name) (\(tree.kind(value)))")
    }
  }

  private mutating func visit(
    table: String, _ value: PickleValue, _ attributes: [PickleMember], _ prefix: String,
    _ depth: Int
  ) throws(FormatError) {
    guard ["_parameters", "_buffers", "_modules"].contains(table),
      let entries = tree.members(value)
    else { return }
    let hidden = table == "_buffers" ? hiddenBuffers(attributes) : []
    for entry in entries {
      guard let name = tree.text(entry.key) else { continue }
      if table == "_modules" {
        try visit(entry.value, prefix: path(name, prefix) + ".", depth: depth + 1)
      } else if let tensor = tree.tensor(entry.value) {
        if !hidden.contains(name) { try add(name, tensor, prefix) }
      } else if entry.value != .none {
        throw FormatError(
          .unsupported, "is \(tree.kind(entry.value)), a tensor is required", tensor: prefix + name)
      }
    }
  }

  /// Buffers that `state_dict()` leaves out, being computed anew.
  private func hiddenBuffers(_ attributes: [PickleMember]) -> Set<String> {
    let set = attributes.first { tree.text($0.key) == "_non_persistent_buffers_set" }?.value
    return Set((set.flatMap(tree.elements) ?? []).compactMap(tree.text))
  }

  private mutating func add(
    _ name: String, _ tensor: PickledTensor, _ prefix: String
  ) throws(FormatError) {
    let name = try path(name, prefix)
    guard known.insert(name).inserted else {
      throw FormatError(.inconsistent, "is there twice", tensor: name)
    }
    members.append((name, tensor))
  }

  private func path(_ name: String, _ prefix: String) throws(FormatError) -> String {
    guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: ".")) else {
      throw FormatError(
        .invalidField,
        "a part of a module is named \(JSON.quoted(name)), names without a dot are required",
        tensor: prefix + name)
    }
    return prefix + name
  }
}
