internal import Bytes
internal import Tensors

/// Adds nodes and tensors to a graph under names that are given once.
struct ONNXBuilder {
  private(set) var nodes: [ONNXNode] = []
  private(set) var tensors: [ONNXTensor] = []
  /// What stands before every name: a tower's, where a graph holds two.
  var prefix = ""
  private var counts: [String: Int] = [:]
  private var constants: [String: String] = [:]

  /// A name that nothing else has.
  private mutating func fresh(_ name: String) -> String {
    let count = counts[prefix + name, default: 0]
    counts[prefix + name] = count + 1
    return prefix + (count == 0 ? name : "\(name).\(count)")
  }

  /// Adds a node with one output.
  ///
  /// - Parameter name: of the output; the operation's unless given.
  mutating func add(
    _ operation: String, _ inputs: [String],
    _ attributes: [(name: String, value: ONNXNode.Attribute)] = [], name: String? = nil
  ) -> String {
    add(operation, inputs, attributes, outputs: [name ?? operation.lowercased()])[0]
  }

  /// Adds a node with an output of each name.
  mutating func add(
    _ operation: String, _ inputs: [String],
    _ attributes: [(name: String, value: ONNXNode.Attribute)] = [], outputs: [String]
  ) -> [String] {
    let names = outputs.map { fresh("/" + $0) }
    nodes.append(
      ONNXNode(operation: operation, inputs: inputs, outputs: names, attributes: attributes))
    return names
  }

  /// Gives a value its name as an output of the graph.
  mutating func output(_ value: String, as name: String) {
    nodes.append(ONNXNode(operation: "Identity", inputs: [value], outputs: [name]))
  }

  /// Adds a tensor of the pack.
  mutating func add(
    _ name: String, _ elementType: ElementType, _ shape: Shape,
    read: @escaping () throws -> Buffer
  ) -> String {
    let name = fresh(name)
    tensors.append(ONNXTensor(name: name, elementType: elementType, shape: shape, read: read))
    return name
  }

  // MARK: Constants

  /// Whole numbers, as shapes, axes and bounds are given.
  mutating func integers(_ values: [Int]) -> String {
    constant("i64 \(values)", .int64, Shape([values.count])) {
      Buffer(littleEndian: values.map(Int64.init))
    }
  }

  mutating func integer32(_ value: Int) -> String {
    constant("i32 \(value)", .int32, []) { Buffer(littleEndian: [Int32(value)]) }
  }

  mutating func float(_ value: Float) -> String {
    constant("f32 \(value.bitPattern)", .float32, []) { Buffer(littleEndian: [value]) }
  }

  /// One tensor for each key.
  mutating func constant(
    _ key: String, _ elementType: ElementType, _ shape: Shape?, read: @escaping () -> Buffer
  ) -> String {
    if let known = constants[prefix + key] { return known }
    guard let shape else { preconditionFailure("no shape of \(key)") }
    let name = add("/constant", elementType, shape, read: read)
    constants[prefix + key] = name
    return name
  }
}
