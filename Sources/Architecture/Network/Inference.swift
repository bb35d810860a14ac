internal import Bytes

/// What a step makes of values of known shapes, or why it cannot.
struct Inference {
  /// Where the step stands, for messages.
  let place: String
  let values: [Graph.Value]
  let tokens: ClosedRange<Int>

  struct Made {
    var kind: Graph.Value.Kind
    var rows: Graph.RowCount
    var width: Int

    var shapeText: String {
      Graph.Value(name: "", kind: kind, rows: rows, width: width, isConstant: false).shapeText
    }
  }

  func value(_ step: Step, _ inputs: [Int]) throws(FormatError) -> Made {
    let operands = inputs.map { values[$0] }
    try checkCount(step, operands.count)
    switch step.operation {
    case .parameter(let rows, let width, _):
      try check(rows ?? 1, NetworkLimits.rows, "rows")
      try check(width, NetworkLimits.width, "width")
      return Made(kind: .rows, rows: Graph.RowCount(rows ?? 1), width: width)
    case .lookup(let rows, let width, let scale, _):
      try check(rows, NetworkLimits.tableRows, "rows")
      try check(width, NetworkLimits.width, "width")
      guard scale.isFinite, scale != 0 else { throw refused("scale is \(scale)") }
      guard operands[0].kind == .ids else { throw wrong(operands[0], "ids are needed") }
      return Made(kind: .rows, rows: operands[0].rows, width: width)
    case .mask(let hidden, let before, let after):
      try check(hidden, NetworkLimits.tokenID, "hidden")
      try check(before, 0...NetworkLimits.rows.upperBound, "before")
      try check(after, 0...NetworkLimits.rows.upperBound, "after")
      guard operands[0].kind == .ids else { throw wrong(operands[0], "ids are needed") }
      return try sized(
        Made(
          kind: .mask, rows: Graph.RowCount(before + after, hasTokens: true), width: 1))
    case .position(let rows, let place, _):
      return try position(rows, place, operands)
    case .concat:
      return try concat(operands)
    case .conv2d(let convolution):
      return try convolve(convolution, operands[0])
    case .averagePool(let pool):
      return try self.pool(pool, operands[0])
    case .batchNorm(let epsilon, _), .layerNorm(let epsilon, _, _):
      guard NetworkLimits.epsilon.contains(epsilon) else {
        throw refused("epsilon is \(epsilon), 1e-12 to 1 is allowed")
      }
      return try same(operands[0])
    case .linear(let width, _, _):
      try check(width, NetworkLimits.width, "width")
      var made = try same(operands[0])
      made.width = width
      return made
    case .scale:
      return try same(operands[0])
    case .add(let signs):
      return try add(signs, operands)
    case .multiply:
      return try multiply(operands[0], operands[1])
    case .rotate(let heads, _, let skip):
      return try rotate(heads, skip, operands)
    case .attention(let heads, let isCausal):
      return try attention(heads, isCausal, operands)
    case .mean(let skip):
      return try mean(skip, operands)
    case .pick(let pick):
      return try self.pick(pick, operands)
    }
  }

  // MARK: Operands

  private func checkCount(_ step: Step, _ count: Int) throws(FormatError) {
    let allowed: ClosedRange<Int>
    switch step.operation {
    case .parameter: allowed = 0...0
    case .lookup, .mask, .conv2d, .averagePool, .batchNorm, .layerNorm, .linear, .scale:
      allowed = 1...1
    case .position, .mean, .pick: allowed = 1...2
    case .concat: allowed = NetworkLimits.operands
    case .add: allowed = NetworkLimits.summands
    case .multiply: allowed = 2...2
    case .rotate: allowed = 3...3
    case .attention: allowed = 3...4
    }
    guard allowed.contains(count) else {
      let needed =
        allowed.count == 1
        ? "\(allowed.lowerBound)" : "\(allowed.lowerBound) to \(allowed.upperBound)"
      throw refused("\(step.operation.name) has \(count) inputs, \(needed) needed")
    }
  }

  private func same(_ x: Graph.Value) throws(FormatError) -> Made {
    guard x.isRows else { throw wrong(x, "rows are needed") }
    return Made(kind: x.kind, rows: x.rows, width: x.width)
  }

  private func sized(_ made: Made) throws(FormatError) -> Made {
    let most = made.rows.at(tokens.upperBound)
    guard NetworkLimits.rows.contains(most), NetworkLimits.width.contains(made.width) else {
      throw refused("the result is \(made.shapeText), 1 to 2²⁰ rows and columns are allowed")
    }
    return made
  }

  private func checkMask(
    _ mask: Graph.Value?, of rows: Graph.RowCount
  ) throws(FormatError) {
    guard let mask else { return }
    guard mask.kind == .mask else { throw wrong(mask, "a mask is needed") }
    guard mask.rows == rows else {
      throw refused("the mask is of \(mask.rows) rows, \(rows) are needed")
    }
  }

  // MARK: Operations

  private func position(
    _ rows: Int, _ start: Operation.Place, _ operands: [Graph.Value]
  ) throws(FormatError) -> Made {
    try check(rows, NetworkLimits.tableRows, "rows")
    let made = try same(operands[0])
    let mask = operands.count > 1 ? operands[1] : nil
    try checkMask(mask, of: made.rows)
    switch start {
    case .row(let row):
      guard mask == nil else { throw refused("row and a mask exclude each other") }
      try check(row, 0...rows - 1, "row")
    case .start(let start):
      try check(start, (mask == nil ? 0 : 1)...NetworkLimits.tableRows.upperBound, "start")
      let needed = start + made.rows.at(tokens.upperBound)
      guard needed <= rows else {
        throw refused("the table has \(rows) rows, \(needed) are needed")
      }
    }
    return made
  }

  private func concat(_ operands: [Graph.Value]) throws(FormatError) -> Made {
    var total = Graph.RowCount(0)
    for operand in operands {
      guard operand.isRows, operand.width == operands[0].width else {
        throw wrong(operand, "rows of \(operands[0].width) columns are needed")
      }
      guard !(total.hasTokens && operand.rows.hasTokens) else {
        throw refused("two inputs have a row for each token, one is allowed")
      }
      total.constant += operand.rows.constant
      total.hasTokens = total.hasTokens || operand.rows.hasTokens
    }
    return try sized(Made(kind: .rows, rows: total, width: operands[0].width))
  }

  private func convolve(
    _ conv: Operation.Convolution, _ x: Graph.Value
  ) throws(FormatError) -> Made {
    guard case .map(let height, let width) = x.kind else { throw wrong(x, "a map is needed") }
    try check(conv.width, NetworkLimits.width, "width")
    let (lines, columns) = try windows(height, width, conv.kernel, conv.stride, conv.padding)
    try check(conv.groups, NetworkLimits.width, "groups")
    guard x.width % conv.groups == 0, conv.width % conv.groups == 0 else {
      throw refused(
        "groups is \(conv.groups), a divisor of \(x.width) and of \(conv.width) is allowed")
    }
    return try map(lines, columns, conv.width)
  }

  private func pool(
    _ pool: Operation.Pool, _ x: Graph.Value
  ) throws(FormatError) -> Made {
    guard case .map(let height, let width) = x.kind else { throw wrong(x, "a map is needed") }
    let (lines, columns) = try windows(height, width, pool.kernel, pool.stride, pool.padding)
    return try map(lines, columns, x.width)
  }

  /// How many windows lie in a map, below and beside each other.
  private func windows(
    _ height: Int, _ width: Int, _ kernel: Operation.Pair, _ stride: Operation.Pair,
    _ padding: Operation.Pair
  ) throws(FormatError) -> (lines: Int, columns: Int) {
    func count(
      _ edge: Int, _ kernel: Int, _ stride: Int, _ padding: Int
    ) throws(FormatError) -> Int {
      try check(kernel, NetworkLimits.kernel, "kernel")
      try check(stride, NetworkLimits.kernel, "stride")
      try check(padding, 0...kernel - 1, "padding")
      guard edge + 2 * padding >= kernel else {
        throw refused("the kernel is \(kernel), the map with its padding \(edge + 2 * padding)")
      }
      return (edge + 2 * padding - kernel) / stride + 1
    }
    let lines = try count(height, kernel.height, stride.height, padding.height)
    return (lines, try count(width, kernel.width, stride.width, padding.width))
  }

  private func map(_ height: Int, _ width: Int, _ columns: Int) throws(FormatError) -> Made {
    try sized(
      Made(
        kind: .map(height: height, width: width), rows: Graph.RowCount(height * width),
        width: columns))
  }

  private func add(_ signs: [Int], _ operands: [Graph.Value]) throws(FormatError) -> Made {
    guard signs.count == operands.count, signs.allSatisfy({ $0 == 1 || $0 == -1 }) else {
      throw refused("signs are \(signs), 1 or -1 for each of \(operands.count) inputs is allowed")
    }
    let made = try same(operands[0])
    for operand in operands
    where operand.kind != made.kind || operand.rows != made.rows || operand.width != made.width {
      throw wrong(operand, "\(made.shapeText) is needed")
    }
    return made
  }

  private func multiply(_ x: Graph.Value, _ z: Graph.Value) throws(FormatError) -> Made {
    let made = try same(x)
    guard z.isRows, z.width == x.width,
      z.rows == Graph.RowCount(1) || (z.kind == x.kind && z.rows == x.rows)
    else {
      throw wrong(z, "\(made.shapeText) or one row of it is needed")
    }
    return made
  }

  private func rotate(
    _ heads: Int, _ skip: Int, _ operands: [Graph.Value]
  ) throws(FormatError) -> Made {
    let made = try same(operands[0])
    try checkHeads(heads, made.width)
    let half = made.width / heads / 2
    guard made.width % (2 * heads) == 0 else {
      throw refused("heads is \(heads), an even number of columns a head is needed")
    }
    try check(skip, 0...max(0, made.rows.at(tokens.lowerBound) - 1), "skip")
    let needed = max(0, made.rows.at(tokens.upperBound) - skip)
    for table in operands.dropFirst() {
      guard table.isRows, !table.rows.hasTokens, table.width == half,
        table.rows.constant >= needed
      else { throw wrong(table, "at least \(needed)×\(half) is needed") }
    }
    return made
  }

  private func attention(
    _ heads: Int, _ isCausal: Bool, _ operands: [Graph.Value]
  ) throws(FormatError) -> Made {
    let made = try same(operands[0])
    try checkHeads(heads, made.width)
    let (k, v) = (operands[1], operands[2])
    guard k.isRows, k.width == made.width else {
      throw wrong(k, "keys of \(made.width) columns are needed")
    }
    guard v.isRows, v.width == made.width, v.rows == k.rows else {
      throw wrong(v, "values of \(k.rows)×\(made.width) are needed")
    }
    guard !isCausal || k.rows == made.rows else {
      throw refused("\(made.rows) queries and \(k.rows) keys, causal needs as many")
    }
    try checkMask(operands.count > 3 ? operands[3] : nil, of: k.rows)
    let pairs = made.rows.at(tokens.upperBound) * k.rows.at(tokens.upperBound)
    guard pairs <= NetworkLimits.attentionPairs else {
      throw refused(
        "\(pairs) pairs of queries and keys, \(NetworkLimits.attentionPairs) are allowed")
    }
    return Made(kind: .rows, rows: made.rows, width: made.width)
      .keepingMap(of: operands[0])
  }

  private func mean(_ skip: Int, _ operands: [Graph.Value]) throws(FormatError) -> Made {
    var made = try same(operands[0])
    try checkMask(operands.count > 1 ? operands[1] : nil, of: made.rows)
    let least = made.rows.at(tokens.lowerBound)
    try check(skip, 0...max(0, least - 1), "skip")
    made.kind = .rows
    made.rows = Graph.RowCount(1)
    return made
  }

  private func pick(
    _ pick: Operation.Pick, _ operands: [Graph.Value]
  ) throws(FormatError) -> Made {
    var made = try same(operands[0])
    switch pick {
    case .row(let row):
      try check(row, 0...made.rows.at(tokens.lowerBound) - 1, "row")
      guard operands.count == 1 else { throw refused("row takes no ids") }
    case .last:
      guard operands.count == 1 else { throw refused("row takes no ids") }
    case .token, .largest:
      guard operands.count == 2, operands[1].kind == .ids else {
        throw refused("token needs ids as second input")
      }
      guard made.rows == operands[1].rows else {
        throw wrong(operands[0], "a row for each id is needed")
      }
      if case .token(let id) = pick { try check(id, NetworkLimits.tokenID, "token") }
    }
    made.kind = .rows
    made.rows = Graph.RowCount(1)
    return made
  }

  // MARK: Refusals

  private func checkHeads(_ heads: Int, _ width: Int) throws(FormatError) {
    guard heads >= 1, width % heads == 0 else {
      throw refused("heads is \(heads), a divisor of \(width) is allowed")
    }
  }

  private func check(
    _ value: Int, _ allowed: ClosedRange<Int>, _ name: String
  ) throws(FormatError) {
    guard allowed.contains(value) else {
      throw refused(
        "\(name) is \(value), \(allowed.lowerBound) to \(allowed.upperBound) is allowed")
    }
  }

  private func wrong(_ value: Graph.Value, _ needed: String) -> FormatError {
    refused("\(JSON.quoted(value.name)) is \(value.shapeText), \(needed)")
  }

  private func refused(_ reason: String) -> FormatError {
    FormatError(.inconsistent, "\(place): \(reason)")
  }
}

extension Inference.Made {
  /// Queries of a map stay a map.
  fileprivate func keepingMap(of queries: Graph.Value) -> Inference.Made {
    var made = self
    made.kind = queries.kind
    return made
  }
}
