internal import Architecture
internal import Bytes
internal import Tensors

/// Writes a tower as nodes of ONNX, an operation at a time.
///
/// Rows `[T, D]` of the network are `[batch, T, D]`, and a map is `[batch, D, H, W]`, as ONNX's
/// convolutions take it; values change between the two where a consumer needs the other. What no
/// input reaches has a batch of 1, which broadcasts. Masks are float32 `[batch, T]`, 1 for visible
/// rows. Shapes and formulas of the operations: `Formats/network.md`.
struct TowerTranslation {
  let graph: Graph
  let form: WeightForm
  let stored: (String) throws -> StoredTensor
  var builder: ONNXBuilder

  /// The names of a value in the forms that it has been needed in.
  struct Names {
    var rows: String?
    var map: String?
  }

  var names: [Names]
  /// The input as the graph names it.
  let input: String
  private var cachedIDs: String?
  private var cachedBatch: String?
  private var rowCounts: [Graph.RowCount: String] = [:]
  /// What `DynamicQuantizeLinear` made of a value.
  var quantised: [String: [String]] = [:]
  var attentionMasks: [String: String] = [:]

  init(
    _ graph: Graph, input: String, form: WeightForm, builder: ONNXBuilder,
    stored: @escaping (String) throws -> StoredTensor
  ) {
    self.graph = graph
    self.form = form
    self.stored = stored
    self.builder = builder
    self.input = input
    names = graph.values.map { _ in Names() }
    switch graph.input {
    case .pixels: names[0].map = input
    case .ids, .paddedIDs: names[0].rows = input
    }
  }

  /// Adds all nodes of the tower.
  ///
  /// - Returns: the name of the projected embedding, `[batch, E]`.
  mutating func translate() throws -> String {
    for node in graph.nodes { try translate(node) }
    return builder.add(
      "Reshape", [rows(graph.output), builder.integers([0, -1])], name: "projected")
  }

  private mutating func translate(_ node: Graph.Node) throws {
    let x = node.inputs.first ?? 0
    switch node.operation {
    case .parameter(_, _, let weight): try parameter(node, weight)
    case .lookup(_, _, let scale, let weight): try lookup(node, scale, weight)
    case .mask(let hidden, let before, let after):
      mask(node, hidden: hidden, before: before, after: after)
    case .position(_, let place, let weight): try position(node, place, weight)
    case .concat: concat(node)
    case .conv2d(let convolution): try convolve(node, convolution)
    case .averagePool(let pool): self.pool(node, pool)
    case .batchNorm(let epsilon, let tensors): try batchNorm(node, epsilon, tensors)
    case .layerNorm(let epsilon, let weight, let bias):
      try layerNorm(node, epsilon, weight, bias)
    case .linear(_, let weight, let bias): try linear(node, weight, bias)
    case .scale(let weight): try scale(node, weight)
    case .add(let signs): add(node, signs)
    case .multiply: multiply(node)
    case .rotate(let heads, let pairs, let skip):
      rotate(node, heads: heads, pairs, skip: skip)
    case .attention(let heads, let isCausal):
      attention(node, heads: heads, isCausal: isCausal)
    case .mean(let skip): mean(node, skip: skip)
    case .pick(let pick): self.pick(node, x, pick)
    }
  }

  // MARK: Values

  /// A value as `[batch, T, D]`; ids and masks as `[batch, T]`.
  mutating func rows(_ value: Int) -> String {
    if let name = names[value].rows { return name }
    guard let map = names[value].map else {
      preconditionFailure("value \(graph.values[value].name) is read before it is made")
    }
    let flat = builder.add("Reshape", [map, builder.integers([0, graph.values[value].width, -1])])
    let name = builder.add("Transpose", [flat], [("perm", .integers([0, 2, 1]))])
    names[value].rows = name
    return name
  }

  /// A value as `[batch, D, H, W]`, of the grid that is given: addends need have none of their own.
  mutating func map(_ value: Int, _ height: Int, _ width: Int) -> String {
    if let name = names[value].map { return name }
    let turned = builder.add("Transpose", [rows(value)], [("perm", .integers([0, 2, 1]))])
    let name = builder.add(
      "Reshape", [turned, builder.integers([0, graph.values[value].width, height, width])])
    names[value].map = name
    return name
  }

  /// The grid of a value that exists as `[batch, D, H, W]`.
  func grid(_ value: Int) -> (height: Int, width: Int)? {
    guard names[value].map != nil, case .map(let height, let width) = graph.values[value].kind
    else { return nil }
    return (height, width)
  }

  /// The name of what a node makes.
  func name(of node: Graph.Node) -> String {
    node.stage.map { $0.replacing(" ", with: "_") } ?? graph.values[node.output].name
  }

  /// How many rows a value has, as a tensor of one element.
  mutating func rowCount(_ value: Int) -> String {
    let count = graph.values[value].rows
    guard isDynamic(count) else {
      return builder.integers([count.at(graph.tokens.upperBound)])
    }
    if let known = rowCounts[count] { return known }
    let name: String
    if count.constant == 0 {
      let shape = builder.add("Shape", [input])
      name = builder.add("Slice", [shape, builder.integers([1]), builder.integers([2])])
    } else {
      name = builder.add("Add", [rowCount(0), builder.integers([count.constant])])
    }
    rowCounts[count] = name
    return name
  }

  /// Whether a number of rows depends on the text.
  func isDynamic(_ count: Graph.RowCount) -> Bool {
    if case .ids = graph.input { return count.hasTokens }
    return false
  }

  /// The number of samples, as a tensor of one element.
  mutating func batch() -> String {
    if let cachedBatch { return cachedBatch }
    let shape = builder.add("Shape", [input])
    let name = builder.add("Slice", [shape, builder.integers([0]), builder.integers([1])])
    cachedBatch = name
    return name
  }

  /// The ids as int32: ONNX Runtime before 1.20 has no `ArgMax` of int64.
  mutating func ids() -> String {
    if let cachedIDs { return cachedIDs }
    let name = builder.add("Cast", [input], [("to", .integer(ElementType.int32.onnxCode!))])
    cachedIDs = name
    return name
  }

  /// The first rows of a tensor of three axes, as many as a value has, from `start` on.
  mutating func firstRows(of table: String, _ rows: Int, start: Int, asMany value: Int) -> String {
    let count = graph.values[value].rows
    if !isDynamic(count), start == 0, count.at(graph.tokens.upperBound) == rows { return table }
    let end: String
    if isDynamic(count), start > 0 {
      end = builder.add("Add", [rowCount(value), builder.integers([start])])
    } else if isDynamic(count) {
      end = rowCount(value)
    } else {
      end = builder.integers([start + count.at(graph.tokens.upperBound)])
    }
    return builder.add(
      "Slice", [table, builder.integers([start]), end, builder.integers([1])])
  }

  // MARK: Ends

  /// Adds a tail's addend and activation to a result, which becomes the node's value.
  mutating func finish(_ node: Graph.Node, rows result: String) {
    var result = result
    if let addend = node.addend { result = builder.add("Add", [result, rows(addend)]) }
    names[node.output].rows = activated(result, node)
  }

  mutating func finish(_ node: Graph.Node, map result: String, _ grid: (height: Int, width: Int)) {
    var result = result
    if let addend = node.addend {
      result = builder.add("Add", [result, map(addend, grid.height, grid.width)])
    }
    names[node.output].map = activated(result, node)
  }

  private mutating func activated(_ x: String, _ node: Graph.Node) -> String {
    switch node.activation {
    case nil: return x
    case .quickGELU:
      let scaled = builder.add("Mul", [x, builder.float(1.702)])
      return builder.add("Mul", [x, builder.add("Sigmoid", [scaled])])
    case .gelu:
      let scaled = builder.add("Div", [x, builder.float(Float(2).squareRoot())])
      let sum = builder.add("Add", [builder.add("Erf", [scaled]), builder.float(1)])
      return builder.add("Mul", [builder.add("Mul", [x, sum]), builder.float(0.5)])
    case .tanhGELU:
      let square = builder.add("Mul", [x, x])
      let cube = builder.add("Mul", [square, x])
      let inner = builder.add("Add", [x, builder.add("Mul", [cube, builder.float(0.044715)])])
      // √(2/π)
      let scaled = builder.add("Mul", [inner, builder.float(0.797_884_56)])
      let sum = builder.add("Add", [builder.add("Tanh", [scaled]), builder.float(1)])
      return builder.add("Mul", [builder.add("Mul", [x, sum]), builder.float(0.5)])
    case .relu: return builder.add("Relu", [x])
    case .silu: return builder.add("Mul", [x, builder.add("Sigmoid", [x])])
    case .sigmoid: return builder.add("Sigmoid", [x])
    case .tanh: return builder.add("Tanh", [x])
    }
  }
}
