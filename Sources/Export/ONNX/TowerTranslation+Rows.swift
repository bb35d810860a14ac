internal import Architecture
internal import Bytes
internal import Tensors

/// Operations without weights, but attention.
extension TowerTranslation {
  mutating func mask(_ node: Graph.Node, hidden: Int, before: Int, after: Int) {
    let equal = builder.add("Equal", [ids(), builder.integer32(hidden)])
    let visible = builder.add("Not", [equal])
    var result = builder.add(
      "Cast", [visible], [("to", .integer(ElementType.float32.onnxCode!))])
    if before + after > 0 {
      result = builder.add(
        "Pad", [result, builder.integers([0, before, 0, after]), builder.float(1)])
    }
    names[node.output].rows = result
  }

  mutating func concat(_ node: Graph.Node) {
    let isConstant = graph.values[node.output].isConstant
    let parts = node.inputs.map { input -> String in
      let rows = rows(input)
      let value = graph.values[input]
      guard value.isConstant, !isConstant else { return rows }
      let shape = builder.add(
        "Concat", [batch(), builder.integers([value.rows.constant, value.width])],
        [("axis", .integer(0))])
      return builder.add("Expand", [rows, shape])
    }
    names[node.output].rows = builder.add(
      "Concat", parts, [("axis", .integer(1))], name: name(of: node))
  }

  mutating func pool(_ node: Graph.Node, _ pool: Operation.Pool) {
    let x = node.inputs[0]
    guard case .map(let height, let width) = graph.values[x].kind else {
      preconditionFailure("pooling of rows")
    }
    func pair(_ pair: Operation.Pair) -> ONNXNode.Attribute {
      .integers([pair.height, pair.width])
    }
    var attributes = [("kernel_shape", pair(pool.kernel)), ("strides", pair(pool.stride))]
    if pool.padding != Operation.Pair(0, 0) {
      // Padding takes no part in means unless count_include_pad says so.
      let edges = [pool.padding.height, pool.padding.width]
      attributes.append(("pads", .integers(edges + edges)))
    }
    names[node.output].map = builder.add(
      "AveragePool", [map(x, height, width)], attributes, name: name(of: node))
  }

  mutating func add(_ node: Graph.Node, _ signs: [Int]) {
    let grid = node.inputs.allSatisfy { self.grid($0) != nil } ? self.grid(node.inputs[0]) : nil
    var result: String?
    for (input, sign) in zip(node.inputs, signs) {
      let operand = grid.map { map(input, $0.height, $0.width) } ?? rows(input)
      if let sum = result {
        result = builder.add(sign < 0 ? "Sub" : "Add", [sum, operand])
      } else {
        result = sign < 0 ? builder.add("Neg", [operand]) : operand
      }
    }
    finish(node, result ?? "", grid)
  }

  mutating func multiply(_ node: Graph.Node) {
    let (x, z) = (node.inputs[0], node.inputs[1])
    let isRow = graph.values[z].rows == Graph.RowCount(1)
    guard let grid = grid(x), isRow || self.grid(z) != nil else {
      return finish(node, builder.add("Mul", [rows(x), rows(z)]), nil)
    }
    let factor =
      isRow
      ? builder.add("Reshape", [rows(z), builder.integers([0, -1, 1, 1])])
      : map(z, grid.height, grid.width)
    finish(node, builder.add("Mul", [map(x, grid.height, grid.width), factor]), grid)
  }

  private mutating func finish(
    _ node: Graph.Node, _ result: String, _ grid: (height: Int, width: Int)?
  ) {
    if let grid { finish(node, map: result, grid) } else { finish(node, rows: result) }
  }

  mutating func mean(_ node: Graph.Node, skip: Int) {
    let x = node.inputs[0]
    if node.inputs.count == 1, skip == 0, let grid = grid(x) {
      let mean = builder.add(
        "ReduceMean", [map(x, grid.height, grid.width)], [("axes", .integers([2, 3]))])
      names[node.output].rows = builder.add(
        "Reshape", [mean, builder.integers([0, 1, -1])], name: name(of: node))
      return
    }
    let counted = from(skip, rows(x))
    guard node.inputs.count > 1 else {
      names[node.output].rows = builder.add(
        "ReduceMean", [counted], [("axes", .integers([1]))], name: name(of: node))
      return
    }
    let mask = builder.add(
      "Unsqueeze", [from(skip, rows(node.inputs[1])), builder.integers([2])])
    let axis = builder.integers([1])
    let sum = builder.add("ReduceSum", [builder.add("Mul", [counted, mask]), axis])
    let count = builder.add("ReduceSum", [mask, axis])
    names[node.output].rows = builder.add("Div", [sum, count], name: name(of: node))
  }

  /// Everything from a row on; one below 0 counts from the end.
  mutating func from(_ row: Int, _ value: String, name: String? = nil) -> String {
    guard row != 0 else { return value }
    return builder.add(
      "Slice",
      [value, builder.integers([row]), builder.integers([Int.max]), builder.integers([1])],
      name: name)
  }

  mutating func pick(_ node: Graph.Node, _ x: Int, _ pick: Operation.Pick) {
    let index: String
    switch pick {
    case .row(let row):
      names[node.output].rows = builder.add(
        "Slice",
        [
          rows(x), builder.integers([row]), builder.integers([row + 1]), builder.integers([1]),
        ], name: name(of: node))
      return
    case .last:
      names[node.output].rows = from(-1, rows(x), name: name(of: node))
      return
    case .token(let id):
      let equal = builder.add("Equal", [ids(), builder.integer32(id)])
      index = builder.add("Cast", [equal], [("to", .integer(ElementType.int32.onnxCode!))])
    case .largest:
      index = ids()
    }
    let place = builder.add("ArgMax", [index], [("axis", .integer(1)), ("keepdims", .integer(1))])
    let places = builder.add("Unsqueeze", [place, builder.integers([2])])
    names[node.output].rows = builder.add(
      "GatherND", [rows(x), places], [("batch_dims", .integer(1))], name: name(of: node))
  }
}
