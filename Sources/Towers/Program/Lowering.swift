internal import Architecture
internal import Kernels

/// Makes a program of a graph.
final class Lowering {
  private let graph: Graph
  private let needed: NeededRows
  private let isObserved: Bool
  private let lastMatrices: Set<Int>
  /// The nodes that read each value.
  private let readers: [[Int]]
  private(set) var program = Program()
  /// Of each value its register with all rows.
  private var full: [Int: Int] = [:]
  /// Of each value its register with the one row that a node picks.
  private var picked: [Picked: Int] = [:]
  private var masks: [Int: Int] = [:]
  private var picks: [Int: Int] = [:]
  /// Values that a later node makes together with its own.
  private var deferred: Set<Int> = []

  private struct Picked: Hashable {
    var value: Int
    var node: Int
  }

  /// - Parameters:
  ///   - isObserved: whether somebody looks at the stages.
  ///   - isPruned: whether rows that do not reach the output are left out.
  init(_ graph: Graph, isObserved: Bool, isPruned: Bool = true) {
    self.graph = graph
    self.isObserved = isObserved
    var needed = NeededRows(graph, isObserved: isObserved)
    if !isPruned { needed.keepAll() }
    self.needed = needed
    lastMatrices = graph.lastMatrices
    var readers = graph.values.map { _ in [Int]() }
    for (index, node) in graph.nodes.enumerated() {
      for operand in node.operands { readers[operand].append(index) }
    }
    self.readers = readers
    program.cut = needed.cut
    // Who looks at rows sees those of each text.
    program.sharesBeginnings = needed.isCausal && !isObserved && isPruned
    lower()
  }

  private func lower() {
    for (index, node) in graph.nodes.enumerated() {
      if case .pick(let pick) = node.operation {
        picks[index] = program.picks.count
        program.picks.append(pick)
      }
    }
    if needsPixelRows {
      let pixels = graph.values[0]
      full[0] = new(.all(pixels.rows), pixels.width)
      emit(.pixels, [], full[0]!, .tokens)
    }
    var starts: [Int] = []
    for (index, node) in graph.nodes.enumerated() {
      starts.append(program.calls.count)
      guard needed.rows[node.output] != .none, !deferred.contains(node.output) else { continue }
      lower(node, index)
    }
    starts.append(program.calls.count)
    program.rounds = graph.rounds.map { starts[$0.lowerBound]..<starts[$0.upperBound] }
    program.output = register(of: graph.output)
  }

  /// Whether anything but a convolution looks at the pixels.
  private var needsPixelRows: Bool {
    guard case .pixels = graph.input else { return false }
    return graph.nodes.contains { node in
      guard node.operands.contains(0) else { return false }
      if case .conv2d(let conv) = node.operation { return conv.groups > 1 || node.addend == 0 }
      return true
    }
  }

  // MARK: Registers

  /// The register with the rows of a value that are needed.
  private func register(of value: Int) -> Int {
    if case .picked(let node) = needed.rows[value] { return row(of: value, picked: node) }
    return all(of: value)
  }

  /// The register with all rows of a value.
  ///
  /// - Precondition: a node that is needed made it, with all rows.
  private func all(of value: Int) -> Int {
    guard let register = full[value] else { preconditionFailure("value \(value) has no rows") }
    return register
  }

  /// The register with the one row of a value that a node picks.
  private func row(of value: Int, picked node: Int) -> Int {
    let key = Picked(value: value, node: node)
    if let known = picked[key] { return known }
    let source = all(of: value)
    guard program.registers[source].rows != .one else { return source }
    let register = new(.one, program.registers[source].width)
    emit(.gather(pick: picks[node]!), [source], register, .norms)
    picked[key] = register
    return register
  }

  private func new(_ rows: Program.Rows, _ width: Int) -> Int {
    program.registers.append(Program.Register(rows: rows, width: width))
    return program.registers.count - 1
  }

  private func emit(
    _ operation: Program.Operation, _ reads: [Int], _ writes: Int, _ part: Stopwatch.Part
  ) {
    program.calls.append(
      Program.Call(operation: operation, reads: reads, writes: writes, part: part))
  }

  private func observe(_ node: Graph.Node, _ register: Int) {
    guard isObserved, let stage = node.stage else { return }
    program.calls.append(
      Program.Call(operation: .observe(stage), reads: [register], writes: nil, part: .norms))
  }

  // MARK: Nodes

  private func lower(_ node: Graph.Node, _ index: Int) {
    let value = graph.values[node.output]
    let need = needed.rows[node.output]
    var isOne = false
    if case .picked = need { isOne = true }
    /// An operand with the rows that the result has.
    func like(_ operand: Int) -> Int {
      if case .picked(let pick) = need { return row(of: operand, picked: pick) }
      return all(of: operand)
    }
    let rows: Program.Rows = isOne ? .one : .all(value.rows)
    let output: Int

    switch node.operation {
    case .parameter(let count, _, let weight):
      if isRoomForLater(node) { return }
      output = new(rows, value.width)
      emit(.parameter(rows: count ?? 1, weight: weight), [], output, .tokens)
    case .lookup(let count, _, let scale, let weight):
      output = new(rows, value.width)
      emit(.lookup(rows: count, scale: scale, weight: weight), [], output, .tokens)
    case .mask(let hidden, let before, let after):
      masks[node.output] = program.masks.count
      program.masks.append(Program.Mask(hidden: hidden, before: before, after: after))
      return
    case .position(let count, let place, let weight):
      output = new(rows, value.width)
      let mask = node.inputs.count > 1 ? masks[node.inputs[1]] : nil
      if case .start(let start) = place, mask == nil, !value.rows.hasTokens {
        let table = Program.Table(
          positions: (weight, count, start), rows: value.rows.constant)
        emit(.addTable(table), [all(of: node.inputs[0])], output, .tokens)
      } else {
        emit(
          .position(rows: count, place, weight: weight, mask: mask), [all(of: node.inputs[0])],
          output, .tokens)
      }
    case .concat:
      output = concat(node, rows)
    case .conv2d(let conv):
      if isRoomForLater(node) { return }
      output = convolve(node, conv, leading: 0, rows, withTail: true)
    case .averagePool(let pool):
      output = new(rows, value.width)
      emit(
        .averagePool(windows(node, pool.kernel, pool.stride, pool.padding)),
        [all(of: node.inputs[0])], output, .convolutions)
    case .layerNorm(let epsilon, let weight, let bias):
      output = new(rows, value.width)
      emit(
        .layerNorm(epsilon: epsilon, weight: weight, bias: bias), [like(node.inputs[0])], output,
        .norms)
    case .batchNorm(let epsilon, let names):
      output = tail(
        node, like, .norms, new(rows, value.width), .batchNorm(epsilon: epsilon, names),
        [like(node.inputs[0])])
    case .scale(let weight):
      output = tail(
        node, like, .norms, new(rows, value.width), .scale(weight: weight),
        [like(node.inputs[0])])
    case .linear(_, let weight, let bias):
      let linear = Program.Linear(
        weight: weight, bias: bias, isLast: lastMatrices.contains(index))
      output = multiply(node, linear, like(node.inputs[0]), rows, like, part(of: node, index))
    case .add(let signs):
      output = add(node, signs, rows, like)
    case .multiply:
      let (x, z) = (node.inputs[0], node.inputs[1])
      let isBroadcast = graph.values[z].rows != value.rows
      output = tail(
        node, like, .norms, new(rows, value.width), .multiply,
        [like(x), isBroadcast ? all(of: z) : like(z)])
    case .rotate(let heads, let pairs, let skip):
      output = new(rows, value.width)
      emit(
        .rotate(heads: heads, pairs, skip: skip), node.inputs.map { all(of: $0) }, output,
        .attention)
    case .attention(let heads, let isCausal):
      output = attend(node, heads, isCausal && !isOne, rows, like)
    case .mean(let skip):
      output = new(rows, value.width)
      let mask = node.inputs.count > 1 ? masks[node.inputs[1]] : nil
      emit(.mean(skip: skip, mask: mask), [all(of: node.inputs[0])], output, .norms)
    case .pick:
      output = row(of: node.inputs[0], picked: index)
    }
    if case .picked(let pick) = need {
      picked[Picked(value: node.output, node: pick)] = output
    } else {
      full[node.output] = output
    }
    observe(node, output)
  }

  /// Emits an operation, then what the node adds, then its activation.
  private func tail(
    _ node: Graph.Node, _ like: (Int) -> Int, _ part: Stopwatch.Part, _ register: Int,
    _ operation: Program.Operation, _ reads: [Int]
  ) -> Int {
    var output = register
    let shape = program.registers[register]
    emit(operation, reads, output, part)
    if let addend = node.addend {
      let sum = new(shape.rows, shape.width)
      emit(.add(sign: 1), [output, like(addend)], sum, part)
      output = sum
    }
    if let activation = node.activation {
      let result = new(shape.rows, shape.width)
      emit(.activate(activation.kernel), [output], result, part)
      output = result
    }
    return output
  }

  private func multiply(
    _ node: Graph.Node, _ linear: Program.Linear, _ x: Int, _ rows: Program.Rows,
    _ like: (Int) -> Int, _ part: Stopwatch.Part
  ) -> Int {
    var linear = linear
    let width = graph.values[node.output].width
    let output = new(rows, width)
    guard let addend = node.addend else {
      if let activation = node.activation { linear.activation = activation.kernel }
      emit(.linear(linear), [x], output, part)
      return output
    }
    emit(.linear(linear), [x, like(addend)], output, part)
    guard let activation = node.activation else { return output }
    let result = new(rows, width)
    emit(.activate(activation.kernel), [output], result, part)
    return result
  }

  private func add(
    _ node: Graph.Node, _ signs: [Int], _ rows: Program.Rows, _ like: (Int) -> Int
  ) -> Int {
    let width = graph.values[node.output].width
    // The first that is added as it is begins the sum.
    let first = signs.firstIndex(of: 1)
    var output: Int
    if let first {
      output = like(node.inputs[first])
    } else {
      let zero = new(rows, width)
      emit(.negate, [like(node.inputs[0])], zero, .norms)
      output = zero
    }
    for (index, input) in node.inputs.enumerated() where index != (first ?? 0) {
      let sum = new(rows, width)
      emit(.add(sign: signs[index]), [output, like(input)], sum, .norms)
      output = sum
    }
    if let activation = node.activation {
      let result = new(rows, width)
      emit(.activate(activation.kernel), [output], result, .norms)
      output = result
    }
    return output
  }

  private func attend(
    _ node: Graph.Node, _ heads: Int, _ isCausal: Bool, _ rows: Program.Rows,
    _ like: (Int) -> Int
  ) -> Int {
    var (key, value) = (all(of: node.inputs[1]), all(of: node.inputs[2]))
    let query = like(node.inputs[0])
    let width = graph.values[node.output].width
    var mask = node.inputs.count > 3 ? masks[node.inputs[3]] : nil
    if let visible = mask, !isCausal {
      // Hidden keys have no share, so attention runs over the others alone.
      key = gatherVisible(key, visible)
      value = gatherVisible(value, visible)
      mask = nil
    }
    let output = new(rows, width)
    emit(
      .attention(heads: heads, isCausal: isCausal, mask: mask), [query, key, value], output,
      .attention)
    return output
  }

  private func gatherVisible(_ register: Int, _ mask: Int) -> Int {
    let output = new(.visible(mask: mask), program.registers[register].width)
    emit(.gatherVisible(mask: mask), [register], output, .attention)
    return output
  }

  // MARK: Maps

  /// Whether a node is part of a concatenation that makes it in place.
  private func isRoomForLater(_ node: Graph.Node) -> Bool {
    guard !isObserved || node.stage == nil, readers[node.output].count == 1 else { return false }
    return stem(graph.nodes[readers[node.output][0]]) != nil
  }

  /// Constant rows before the result of a convolution.
  private struct Stem {
    var constants: [Graph.Node]
    var convolution: Graph.Node
    var leading: Int
  }

  /// What a concatenation is made of where it is such a stem.
  private func stem(_ node: Graph.Node) -> Stem? {
    guard case .concat = node.operation, let last = node.inputs.last else { return nil }
    func maker(_ value: Int) -> Graph.Node? {
      readers[value].count == 1 ? self.maker(of: value) : nil
    }
    guard let convolution = maker(last), case .conv2d(let conv) = convolution.operation,
      conv.groups == 1, convolution.activation == nil, convolution.addend == nil,
      convolution.stage == nil
    else { return nil }
    var constants: [Graph.Node] = []
    for value in node.inputs.dropLast() {
      guard let constant = maker(value), case .parameter = constant.operation,
        constant.stage == nil
      else { return nil }
      constants.append(constant)
    }
    let leading = constants.reduce(0) { $0 + graph.values[$1.output].rows.constant }
    return Stem(constants: constants, convolution: convolution, leading: leading)
  }

  private func concat(_ node: Graph.Node, _ rows: Program.Rows) -> Int {
    let value = graph.values[node.output]
    guard let stem = stem(node), case .conv2d(let conv) = stem.convolution.operation else {
      let output = new(rows, value.width)
      emit(.concat, node.inputs.map { all(of: $0) }, output, .tokens)
      return output
    }
    var plain = conv
    plain.bias = nil
    let patches = convolve(
      stem.convolution, plain, leading: stem.leading, rows, withTail: false)
    var table = Program.Table(rows: value.rows.constant)
    var at = 0
    for constant in stem.constants {
      guard case .parameter(let count, _, let weight) = constant.operation else { continue }
      table.parts.append((weight, count ?? 1, at))
      at += count ?? 1
    }
    table.bias = conv.bias.map { ($0, stem.leading) }
    // Positions that alone look at the tokens are added in the same pass.
    let readers = readers[node.output]
    if readers.count == 1, node.stage == nil || !isObserved {
      let reader = graph.nodes[readers[0]]
      if case .position(let count, .start(let start), let weight) = reader.operation,
        reader.inputs.count == 1
      {
        table.positions = (weight, count, start)
        let output = new(rows, value.width)
        emit(.addTable(table), [patches], output, .tokens)
        full[reader.output] = output
        deferred.insert(reader.output)
        observe(reader, output)
        return output
      }
    }
    let output = new(rows, value.width)
    emit(.addTable(table), [patches], output, .tokens)
    return output
  }

  private func convolve(
    _ node: Graph.Node, _ conv: Operation.Convolution, leading: Int, _ rows: Program.Rows,
    withTail: Bool
  ) -> Int {
    let value = graph.values[node.output]
    let isPixels = node.inputs[0] == 0
    let part: Stopwatch.Part = isPixels ? .tokens : .convolutions
    let windows = windows(node, conv.kernel, conv.stride, conv.padding)
    let source = isPixels ? [] : [self.all(of: node.inputs[0])]
    let all = { (value: Int) in self.all(of: value) }
    guard conv.groups == 1 else {
      return tail(
        node, all, part, new(rows, value.width), .groupedConvolution(windows, conv),
        [all(node.inputs[0])])
    }
    var x = source.first ?? -1
    if isPixels || !windows.isPointwise || leading > 0 {
      x = new(rows, windows.columns)
      emit(.windows(windows, leading: leading), source, x, part)
    }
    let linear = Program.Linear(weight: conv.weight, bias: conv.bias)
    guard withTail else {
      let output = new(rows, value.width)
      emit(.linear(linear), [x], output, part)
      return output
    }
    return multiply(node, linear, x, rows, all, part)
  }

  private func windows(
    _ node: Graph.Node, _ kernel: Operation.Pair, _ stride: Operation.Pair,
    _ padding: Operation.Pair
  ) -> Windows {
    guard case .map(let height, let width) = graph.values[node.inputs[0]].kind else {
      preconditionFailure("a window of no map")
    }
    return Windows(
      channels: graph.values[node.inputs[0]].width, height: height, width: width,
      kernel: (kernel.height, kernel.width), stride: (stride.height, stride.width),
      padding: (padding.height, padding.width))
  }

  /// The node that makes a value; `nil` for the input.
  private func maker(of value: Int) -> Graph.Node? {
    // Each node makes one value, and the input is the first.
    value == 0 ? nil : graph.nodes[value - 1]
  }

  // MARK: Parts

  /// What a linear layer is, by its neighbours.
  private func part(of node: Graph.Node, _ index: Int) -> Stopwatch.Part {
    if lastMatrices.contains(index) { return .projection }
    let feedsAttention = readers[node.output].contains {
      if case .attention = graph.nodes[$0].operation { true } else { false }
    }
    if feedsAttention { return .queryKeyValue }
    if let maker = maker(of: node.inputs[0]), case .attention = maker.operation { return .output }
    return node.activation != nil ? .firstLinear : .secondLinear
  }
}
