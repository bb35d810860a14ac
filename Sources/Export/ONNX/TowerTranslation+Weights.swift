internal import Architecture
internal import Bytes
internal import Tensors

extension TowerTranslation {
  /// A tensor that is not coded, as float32 in the extents that are needed.
  mutating func vector(_ name: String, _ extents: [Int]) throws -> String {
    let tensor = try stored(name)
    guard let shape = Shape(extents), shape.count == tensor.shape.count,
      tensor.readSteps == nil
    else {
      throw FormatError(
        .inconsistent, "it is \(tensor.shape), the network needs \(extents)", tensor: name)
    }
    return float32(
      builder.add(name, tensor.elementType, shape, read: tensor.read), tensor.elementType)
  }

  /// A value of any number type as float32, exactly.
  mutating func float32(_ value: String, _ type: ElementType) -> String {
    guard type != .float32 else { return value }
    return builder.add("Cast", [value], [("to", .integer(ElementType.float32.onnxCode!))])
  }

  /// The steps of a tensor's rows, in the extents that are needed.
  mutating func steps(
    _ name: String, _ read: @escaping () throws -> Buffer, _ extents: [Int]
  ) -> String {
    guard let shape = Shape(extents) else { preconditionFailure("steps of \(extents)") }
    return builder.add(name + ".steps", .float32, shape, read: read)
  }

  /// A matrix `[O, D]` as a product takes it: float32 `[D, O]`.
  mutating func matrix(_ name: String) throws -> String {
    let tensor = try stored(name)
    let extents = tensor.shape.extents
    let value = float32(
      builder.add(
        name, tensor.elementType, Shape(extents.reversed())!, read: tensor.readTransposed),
      tensor.elementType)
    guard let read = tensor.readSteps else { return value }
    return builder.add("Mul", [value, steps(name, read, [extents[0]])])
  }

  /// A convolution's weight, `[O, C, h, w]`.
  private mutating func kernel(_ name: String) throws -> String {
    let tensor = try stored(name)
    let value = float32(
      builder.add(name, tensor.elementType, tensor.shape, read: tensor.read), tensor.elementType)
    guard let read = tensor.readSteps else { return value }
    let extents = [tensor.shape.extents[0], 1, 1, 1]
    return builder.add("Mul", [value, steps(name, read, extents)])
  }

  // MARK: Operations with weights

  mutating func parameter(_ node: Graph.Node, _ weight: String) throws {
    let value = graph.values[node.output]
    names[node.output].rows = try vector(weight, [1, value.rows.constant, value.width])
  }

  /// Rows are cast after they have been looked up, so that the table stays small in memory.
  mutating func lookup(_ node: Graph.Node, _ scale: Float, _ weight: String) throws {
    let tensor = try stored(weight)
    let table = builder.add(weight, tensor.elementType, tensor.shape, read: tensor.read)
    let found = builder.add("Gather", [table, rows(node.inputs[0])], [("axis", .integer(0))])
    var result = float32(found, tensor.elementType)
    if let read = tensor.readSteps {
      let all = steps(weight, read, [tensor.shape.extents[0], 1])
      let own = builder.add("Gather", [all, rows(node.inputs[0])], [("axis", .integer(0))])
      result = builder.add("Mul", [result, own])
    }
    if scale != 1 { result = builder.add("Mul", [result, builder.float(scale)]) }
    names[node.output].rows = result
  }

  mutating func position(
    _ node: Graph.Node, _ place: Operation.Place, _ weight: String
  ) throws {
    let x = node.inputs[0]
    guard case .position(let tableRows, _, _) = node.operation else { return }
    let width = graph.values[x].width
    let table = try vector(weight, [1, tableRows, width])
    let added: String
    switch place {
    case .row(let row):
      added = builder.add(
        "Slice",
        [table, builder.integers([row]), builder.integers([row + 1]), builder.integers([1])])
    case .start(let start) where node.inputs.count > 1:
      let mask = rows(node.inputs[1])
      let axis = builder.integer32(1)
      let sum = builder.add("CumSum", [mask, axis])
      let index = builder.add(
        "Add", [builder.add("Mul", [sum, mask]), builder.float(Float(start - 1))])
      let whole = builder.add(
        "Cast", [index], [("to", .integer(ElementType.int64.onnxCode!))])
      let flat = builder.add("Reshape", [table, builder.integers([tableRows, width])])
      added = builder.add("Gather", [flat, whole], [("axis", .integer(0))])
    case .start(let start):
      added = firstRows(of: table, tableRows, start: start, asMany: x)
    }
    names[node.output].rows = builder.add("Add", [rows(x), added], name: name(of: node))
  }

  mutating func convolve(
    _ node: Graph.Node, _ convolution: Operation.Convolution
  ) throws {
    let x = node.inputs[0]
    guard case .map(let height, let width) = graph.values[x].kind,
      case .map(let madeHeight, let madeWidth) = graph.values[node.output].kind
    else { preconditionFailure("a convolution of rows") }
    var inputs = [map(x, height, width), try kernel(convolution.weight)]
    if let bias = convolution.bias { inputs.append(try vector(bias, [convolution.width])) }
    let (kernel, stride, padding) = (
      convolution.kernel, convolution.stride, convolution.padding
    )
    let result = builder.add(
      "Conv", inputs,
      [
        ("group", .integer(convolution.groups)),
        ("kernel_shape", .integers([kernel.height, kernel.width])),
        (
          "pads", .integers([padding.height, padding.width, padding.height, padding.width])
        ),
        ("strides", .integers([stride.height, stride.width])),
      ], name: name(of: node))
    finish(node, map: result, (madeHeight, madeWidth))
  }

  mutating func batchNorm(
    _ node: Graph.Node, _ epsilon: Float, _ tensors: Operation.BatchNorm
  ) throws {
    let x = node.inputs[0]
    let all = [tensors.weight, tensors.bias, tensors.mean, tensors.variance]
    let width = graph.values[x].width
    var operands: [String] = []
    for name in all { operands.append(try vector(name, [width])) }
    if let grid = grid(x) {
      let result = builder.add(
        "BatchNormalization", [map(x, grid.height, grid.width)] + operands,
        [("epsilon", .float(epsilon))], name: name(of: node))
      return finish(node, map: result, grid)
    }
    let variance = builder.add("Add", [operands[3], builder.float(epsilon)])
    let centred = builder.add("Sub", [rows(x), operands[2]])
    let scaled = builder.add("Div", [centred, builder.add("Sqrt", [variance])])
    let result = builder.add(
      "Add", [builder.add("Mul", [scaled, operands[0]]), operands[1]], name: name(of: node))
    finish(node, rows: result)
  }

  mutating func layerNorm(
    _ node: Graph.Node, _ epsilon: Float, _ weight: String, _ bias: String?
  ) throws {
    let x = node.inputs[0]
    let width = graph.values[x].width
    var inputs = [rows(x), try vector(weight, [width])]
    if let bias { inputs.append(try vector(bias, [width])) }
    names[node.output].rows = builder.add(
      "LayerNormalization", inputs, [("axis", .integer(-1)), ("epsilon", .float(epsilon))],
      name: name(of: node))
  }

  mutating func linear(_ node: Graph.Node, _ weight: String, _ bias: String?) throws {
    let x = rows(node.inputs[0])
    let tensor = try stored(weight)
    var result: String
    if form == .dynamic, tensor.elementType == .int8, let read = tensor.readSteps {
      result = try integerProduct(x, weight, tensor, read)
    } else {
      result = builder.add("MatMul", [x, try matrix(weight)])
    }
    if let bias {
      result = builder.add(
        "Add", [result, try vector(bias, [graph.values[node.output].width])])
    }
    finish(node, rows: result)
  }

  /// A product of rows that are quantised to 8 bits as they come, one scale for all of them, and
  /// the pack's codes.
  private mutating func integerProduct(
    _ x: String, _ weight: String, _ tensor: StoredTensor,
    _ readSteps: @escaping () throws -> Buffer
  ) throws -> String {
    let parts =
      quantised[x]
      ?? builder.add(
        "DynamicQuantizeLinear", [x], outputs: ["levels", "level_step", "zero_point"])
    quantised[x] = parts
    let extents = tensor.shape.extents
    let codes = builder.add(
      weight, .int8, Shape(extents.reversed())!, read: tensor.readTransposed)
    let sums = builder.add("MatMulInteger", [parts[0], codes, parts[2]])
    let steps = builder.add("Mul", [parts[1], steps(weight, readSteps, [extents[0]])])
    return builder.add("Mul", [float32(sums, .int32), steps])
  }

  mutating func scale(_ node: Graph.Node, _ weight: String) throws {
    let x = node.inputs[0]
    let width = graph.values[x].width
    if let grid = grid(x) {
      let factor = try vector(weight, [width, 1, 1])
      let result = builder.add("Mul", [map(x, grid.height, grid.width), factor])
      return finish(node, map: result, grid)
    }
    finish(node, rows: builder.add("Mul", [rows(x), try vector(weight, [width])]))
  }
}
