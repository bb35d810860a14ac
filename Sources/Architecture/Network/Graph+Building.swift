public import Bytes

extension Graph {
  /// Unrolls a tower and infers all shapes.
  ///
  /// - Throws: `FormatError` with the place of the step, what was found and what is allowed.
  public init(_ network: TowerNetwork, _ tower: Tower) throws(FormatError) {
    let place = "network.\(tower.rawValue)"
    let value = try Self.inputValue(network.input, tower, place)
    var builder = GraphBuilder(
      graph: Graph(tower: tower, input: network.input, value: value), place: place)
    self = try builder.build(network)
  }

  private static func inputValue(
    _ input: TowerNetwork.Input, _ tower: Tower, _ place: String
  ) throws(FormatError) -> Value {
    func check(
      _ value: Int, _ allowed: ClosedRange<Int>, _ name: String
    ) throws(FormatError) {
      guard allowed.contains(value) else {
        throw FormatError(
          .invalidField,
          "\(place).input: \(name) is \(value), \(allowed.lowerBound) to "
            + "\(allowed.upperBound) is allowed")
      }
    }
    switch input {
    case .pixels(let channels, let height, let width):
      guard tower == .image else {
        throw FormatError(.invalidField, "\(place).input is pixels, a text tower takes ids")
      }
      try check(channels, 1...64, "channels")
      try check(height, NetworkLimits.edge, "height")
      try check(width, NetworkLimits.edge, "width")
      try check(height * width, NetworkLimits.rows, "height times width")
      return Value(
        name: "pixels", kind: .map(height: height, width: width), rows: RowCount(height * width),
        width: channels, isConstant: false)
    case .ids(let least, let most):
      guard tower == .text else {
        throw FormatError(.invalidField, "\(place).input is ids, an image tower takes pixels")
      }
      try check(most, NetworkLimits.tokens, "most")
      try check(least, 1...most, "least")
      return Value(
        name: "ids", kind: .ids, rows: RowCount(0, hasTokens: true), width: 1, isConstant: false)
    case .paddedIDs(let count, let padding):
      guard tower == .text else {
        throw FormatError(.invalidField, "\(place).input is ids, an image tower takes pixels")
      }
      try check(count, NetworkLimits.tokens, "exactly")
      try check(padding, NetworkLimits.tokenID, "padding")
      return Value(
        name: "ids", kind: .ids, rows: RowCount(0, hasTokens: true), width: 1, isConstant: false)
    }
  }
}

/// Adds step after step to a graph.
struct GraphBuilder {
  var graph: Graph
  /// For messages: `network.image`.
  let place: String
  /// Which value a name means here.
  private var scope: [String: Int]
  /// By value, whether a step reads it.
  private var used = [false]
  private var tensors: Set<String> = []
  private var stages: Set<String> = []
  private var products = 0

  init(graph: Graph, place: String) {
    self.graph = graph
    self.place = place
    scope = [graph.values[0].name: 0]
  }

  mutating func build(_ network: TowerNetwork) throws(FormatError) -> Graph {
    for (index, item) in network.items.enumerated() {
      let here = "\(place).steps[\(index)]"
      switch item {
      case .step(let step):
        try checkNumber(of: step, isRepeated: false, here)
        try add(step, here)
      case .rounds(let rounds): try add(rounds, here)
      }
    }
    try finish(network.output)
    return graph
  }

  private mutating func add(
    _ rounds: TowerNetwork.Rounds, _ place: String
  ) throws(FormatError) {
    guard NetworkLimits.rounds.contains(rounds.count),
      NetworkLimits.stepsOfRound.contains(rounds.steps.count)
    else {
      throw refused(
        place,
        "\(rounds.count) rounds of \(rounds.steps.count) steps, 1 to "
          + "\(NetworkLimits.rounds.upperBound) of 1 to "
          + "\(NetworkLimits.stepsOfRound.upperBound) are allowed")
    }
    guard graph.nodes.count + rounds.count * rounds.steps.count <= NetworkLimits.steps else {
      throw refused(place, "the tower has more than \(NetworkLimits.steps) steps")
    }
    guard (0...NetworkLimits.rounds.upperBound).contains(rounds.first) else {
      throw refused(
        place, "first is \(rounds.first), 0 to \(NetworkLimits.rounds.upperBound) is allowed")
    }
    guard NumberedName.places(in: rounds.prefix) == 1 else {
      throw refused(place, "prefix is \(JSON.quoted(rounds.prefix)), # once is needed")
    }
    for (index, step) in rounds.steps.enumerated() {
      try checkNumber(of: step, isRepeated: true, "\(place).steps[\(index)]")
    }
    let outer = scope
    let carried = try value(rounds.from, place)
    used[carried] = true
    guard outer[rounds.to] == nil else {
      throw refused(place, "the value \(JSON.quoted(rounds.to)) is made a second time")
    }
    let shape = graph.values[carried]
    let first = graph.nodes.count
    let steps = NumberedSteps(rounds)
    for (index, step) in steps(0).enumerated() {
      try add(step, "\(place).steps[\(index)]")
    }
    graph.rounds.append(first..<graph.nodes.count)
    let made = graph.values[graph.nodes[graph.nodes.count - 1].output]
    guard made.kind == shape.kind, made.rows == shape.rows, made.width == shape.width else {
      throw refused(
        place, "a round makes \(made.shapeText) of \(shape.shapeText), the same shape is needed")
    }
    for round in 1..<rounds.count {
      try repeatRound(first, steps(round), carried: carried)
    }
    scope = outer
    scope[rounds.to] = graph.values.count - 1
  }

  /// Adds a round after the first. What it takes has the shape that the first one took, so its
  /// values have the first one's shapes.
  ///
  /// - Parameters:
  ///   - first: the first node of the first round, with which its values begin too.
  ///   - steps: those of this round.
  ///   - carried: what the first round took.
  private mutating func repeatRound(
    _ first: Int, _ steps: [Step], carried: Int
  ) throws(FormatError) {
    let firstValue = graph.nodes[first].output
    let start = (node: graph.nodes.count, value: graph.values.count)
    for (index, step) in steps.enumerated() {
      let model = graph.nodes[first + index]
      func moved(_ value: Int) -> Int {
        if value == carried { return start.value - 1 }
        return value < firstValue ? value : value - firstValue + start.value
      }
      let shape = graph.values[model.output]
      try append(
        step, model.inputs.map(moved), model.addend.map(moved),
        Inference.Made(kind: shape.kind, rows: shape.rows, width: shape.width), model.place)
    }
    graph.rounds.append(start.node..<graph.nodes.count)
  }

  /// The stages of a repeat have the round's number in their names, and no others do.
  private func checkNumber(
    of step: Step, isRepeated: Bool, _ place: String
  ) throws(FormatError) {
    guard let stage = step.stage else { return }
    guard NumberedName.places(in: stage) == (isRepeated ? 1 : 0) else {
      throw refused(
        place,
        "stage is \(JSON.quoted(stage)), "
          + (isRepeated ? "# once is needed in a repeat" : "# stands in repeats only"))
    }
  }

  private mutating func add(_ step: Step, _ place: String) throws(FormatError) {
    guard graph.nodes.count < NetworkLimits.steps else {
      throw refused(place, "the tower has more than \(NetworkLimits.steps) steps")
    }
    try checkName(step.output, place)
    guard scope[step.output] == nil else {
      throw refused(place, "the value \(JSON.quoted(step.output)) is made a second time")
    }
    var inputs: [Int] = []
    for name in step.inputs { inputs.append(try value(name, place)) }
    let made = try Inference(place: place, values: graph.values, tokens: graph.tokens)
      .value(step, inputs)
    var addend: Int?
    if let name = step.addend {
      guard step.operation.takesAddend else {
        throw refused(place, "\(step.operation.name) takes no add")
      }
      let index = try value(name, place)
      addend = index
      let other = graph.values[index]
      guard other.kind == made.kind, other.rows == made.rows, other.width == made.width else {
        throw refused(
          place, "add is \(other.shapeText), the result is \(made.shapeText)")
      }
    }
    if step.activation != nil, !step.operation.takesActivation {
      throw refused(place, "\(step.operation.name) takes no activation")
    }
    scope[step.output] = graph.values.count
    try append(step, inputs, addend, made, place)
  }

  /// Adds a step whose operands and result are known.
  private mutating func append(
    _ step: Step, _ inputs: [Int], _ addend: Int?, _ made: Inference.Made, _ place: String
  ) throws(FormatError) {
    let node = Graph.Node(
      operation: step.operation, inputs: inputs, addend: addend, activation: step.activation,
      output: graph.values.count, stage: step.stage, place: place)
    var isConstant = true
    for operand in node.operands {
      used[operand] = true
      isConstant = isConstant && graph.values[operand].isConstant
    }
    used.append(false)
    graph.values.append(
      Graph.Value(
        name: step.output, kind: made.kind, rows: made.rows, width: made.width,
        isConstant: isConstant))
    try count(node, made, place)
    try note(node, place)
    graph.nodes.append(node)
  }

  /// Checks names of tensors and stages, each of which may occur once.
  private mutating func note(_ node: Graph.Node, _ place: String) throws(FormatError) {
    for tensor in graph.tensors(of: node) {
      guard !tensor.name.isEmpty, tensors.insert(tensor.name).inserted else {
        throw refused(
          place, "the tensor \(JSON.quoted(tensor.name)) is used a second time, once is allowed")
      }
    }
    guard let stage = node.stage else { return }
    guard !stage.isEmpty, stage.utf8.count <= NetworkLimits.stageBytes,
      stage.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), stages.insert(stage).inserted
    else {
      throw refused(
        place,
        "stage is \(JSON.quoted(stage)), 1 to \(NetworkLimits.stageBytes) bytes of ASCII that no "
          + "other stage has are allowed")
    }
  }

  /// Adds up the work, and refuses too much of it.
  private mutating func count(
    _ node: Graph.Node, _ made: Inference.Made, _ place: String
  ) throws(FormatError) {
    let most = graph.tokens.upperBound
    let rows = made.rows.at(most)
    guard rows * made.width <= NetworkLimits.floats else {
      throw refused(
        place, "the result is \(rows)×\(made.width), \(NetworkLimits.floats) floats are allowed")
    }
    // Each factor is within its limit, so that no product overflows.
    let cost = graph.products(of: node, tokens: most)
    guard cost <= NetworkLimits.products - products else {
      throw refused(place, "the tower takes more than 2⁴⁴ multiplications for one input")
    }
    products += cost
  }

  private func value(_ name: String, _ place: String) throws(FormatError) -> Int {
    guard let index = scope[name] else {
      throw refused(place, "no step before it makes the value \(JSON.quoted(name))")
    }
    return index
  }

  private func checkName(_ name: String, _ place: String) throws(FormatError) {
    let isRight =
      name.utf8.first.map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 } ?? false
      && name.utf8.allSatisfy {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
          || $0 == UInt8(ascii: "_")
      }
    guard isRight, name.utf8.count <= NetworkLimits.nameBytes else {
      throw refused(
        place,
        "to is \(JSON.string(name).excerpt), 1 to \(NetworkLimits.nameBytes) letters a to z, "
          + "digits and _ are allowed, a letter first")
    }
  }

  private mutating func finish(_ output: String) throws(FormatError) {
    let index = try value(output, "\(place).output")
    let value = graph.values[index]
    guard value.isRows, value.rows == Graph.RowCount(1) else {
      throw refused("\(place).output", "it is \(value.shapeText), one row is needed")
    }
    graph.output = index
    used[index] = true
    if let idle = used.firstIndex(of: false) {
      throw refused(
        graph.nodes.first { $0.output == idle }?.place ?? "\(place).input",
        "no step uses the value \(JSON.quoted(graph.values[idle].name))")
    }
    if case .paddedIDs(_, let padding) = graph.input, padding >= graph.vocabularySize {
      throw refused(
        "\(place).input",
        "padding is \(padding), ids are 0 to \(graph.vocabularySize - 1) by the smallest table")
    }
    try checkMemory()
  }

  /// Refuses a tower that needs too much memory at the same time.
  private func checkMemory() throws(FormatError) {
    let most = graph.tokens.upperBound
    var last = graph.values.indices.map { _ in -1 }
    for (index, node) in graph.nodes.enumerated() {
      for operand in node.operands { last[operand] = index }
    }
    func floats(_ value: Int) -> Int {
      graph.values[value].rows.at(most) * graph.values[value].width
    }
    var live = floats(0)
    for (index, node) in graph.nodes.enumerated() {
      live += floats(node.output)
      guard live <= NetworkLimits.liveFloats else {
        throw refused(
          node.place,
          "values of more than \(NetworkLimits.liveFloats) floats are needed at the same time")
      }
      for operand in node.operands where last[operand] == index {
        live -= floats(operand)
        last[operand] = -1
      }
    }
  }

  private func refused(_ place: String, _ reason: String) -> FormatError {
    FormatError(.inconsistent, "\(place): \(reason)")
  }
}

extension Graph.Value {
  /// Whether it is a matrix, with a grid or without.
  var isRows: Bool {
    switch kind {
    case .rows, .map: true
    case .ids, .mask: false
    }
  }

  /// For messages: `50×768`, `14×14×768`, `ids of L`.
  var shapeText: String {
    switch kind {
    case .rows: "\(rows)×\(width)"
    case .map(let height, let width): "\(height)×\(width)×\(self.width)"
    case .ids: "ids of \(rows)"
    case .mask: "a mask of \(rows)"
    }
  }
}
