internal import Architecture

/// Which rows of each value reach the output of a graph.
struct NeededRows {
  enum Rows: Equatable {
    case none
    /// The row that a node picks, and no other.
    case picked(node: Int)
    case all

    func joined(_ other: Rows) -> Rows {
      if self == .none { return other }
      return other == .none || self == other ? self : .all
    }
  }

  /// By value.
  private(set) var rows: [Rows]
  /// Where texts are cut, if at all.
  let cut: Operation.Pick?
  /// Whether what is computed of a token depends on the tokens before it alone, up to the row that
  /// is picked of each text.
  let isCausal: Bool

  /// - Parameter isObserved: whether stages are looked at, which needs all of their rows.
  init(_ graph: Graph, isObserved: Bool) {
    let causalPick = Self.causalPick(graph)
    isCausal = causalPick != nil
    cut =
      switch causalPick?.pick {
      case .token, .largest: causalPick?.pick
      case .row, .last, nil: nil
      }
    rows = graph.values.map { _ in .none }
    rows[graph.output] = .all
    for (index, node) in graph.nodes.enumerated().reversed() {
      if isObserved, node.stage != nil { rows[node.output] = .all }
      var needed = rows[node.output]
      guard needed != .none else { continue }
      if !node.operation.isRowwise
        || node.operation.isCausalAttention && !seesAll(needed, causalPick)
      {
        // Made whole; the row that is picked is gathered from it.
        needed = .all
        rows[node.output] = .all
      }
      func need(_ value: Int, _ more: Rows) { rows[value] = rows[value].joined(more) }
      if let addend = node.addend { need(addend, needed) }
      switch node.operation {
      case .layerNorm, .batchNorm, .linear, .scale:
        need(node.inputs[0], needed)
      case .add, .multiply:
        for input in node.inputs {
          need(input, graph.values[input].rows == graph.values[node.output].rows ? needed : .all)
        }
      case .attention:
        need(node.inputs[0], needed)
        for input in node.inputs.dropFirst() { need(input, .all) }
      case .pick:
        let isOne = graph.values[node.inputs[0]].rows == Graph.RowCount(1)
        need(node.inputs[0], isOne ? .all : .picked(node: index))
        for input in node.inputs.dropFirst() { need(input, .all) }
      case .parameter, .lookup, .mask, .position, .concat, .conv2d, .averagePool, .rotate, .mean:
        for input in node.inputs { need(input, .all) }
      }
    }
  }

  /// Asks for all rows of everything.
  mutating func keepAll() { rows = rows.map { $0 == .none ? .none : .all } }

  private typealias CausalPick = (node: Int, pick: Operation.Pick)

  /// Whether a query of causal attention is the last of its text, or what is cut behind it.
  private func seesAll(_ needed: Rows, _ causalPick: CausalPick?) -> Bool {
    guard let causalPick, needed == .picked(node: causalPick.node) else { return false }
    if case .row = causalPick.pick { return false }
    return true
  }

  /// The pick that is the only way from the ids to the output, of rows that depend on what stands
  /// before them alone.
  private static func causalPick(_ graph: Graph) -> CausalPick? {
    guard case .ids = graph.input else { return nil }
    var isPrefix = graph.values.map { _ in false }
    isPrefix[0] = true
    var found: CausalPick?
    for (index, node) in graph.nodes.enumerated() {
      let readsPrefix = node.operands.contains { isPrefix[$0] }
      guard readsPrefix else { continue }
      let isRowwise = node.operands.allSatisfy { isPrefix[$0] }
      switch node.operation {
      case .lookup, .layerNorm, .batchNorm, .linear, .scale, .add, .multiply:
        isPrefix[node.output] = isRowwise
      case .position(_, .start, _):
        isPrefix[node.output] = node.inputs.count == 1
      case .attention(_, let isCausal):
        isPrefix[node.output] = isRowwise && isCausal
      case .pick(let pick):
        // A second pick, or one of rows that look ahead.
        guard found == nil, isPrefix[node.inputs[0]] else { return nil }
        found = (index, pick)
        continue
      default: return nil
      }
      guard isPrefix[node.output] else { return nil }
    }
    return found
  }
}

extension Operation {
  /// Whether any rows of the result can be computed without the others.
  fileprivate var isRowwise: Bool {
    switch self {
    case .layerNorm, .batchNorm, .linear, .scale, .add, .multiply, .attention, .mean, .pick: true
    case .parameter, .lookup, .mask, .position, .concat, .conv2d, .averagePool, .rotate: false
    }
  }

  fileprivate var isCausalAttention: Bool {
    if case .attention(_, isCausal: true) = self { true } else { false }
  }
}
