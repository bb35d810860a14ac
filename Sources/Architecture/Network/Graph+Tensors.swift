public import Tensors

extension Graph {
  /// A tensor that a node uses.
  public struct NodeTensor: Equatable, Sendable {
    public let name: String
    public let shape: Shape
    public let role: Parameter.Role
  }

  /// The tensors of a node, with the shapes that follow from its operands.
  public func tensors(of node: Node) -> [NodeTensor] {
    let inputWidth = node.inputs.first.map { values[$0].width } ?? 0
    let width = values[node.output].width
    func vector(_ name: String, _ extents: Int...) -> NodeTensor {
      NodeTensor(name: name, shape: Shape(extents)!, role: .vector)
    }
    switch node.operation {
    case .parameter(let rows, _, let weight):
      return [rows.map { vector(weight, $0, width) } ?? vector(weight, width)]
    case .lookup(let rows, _, _, let weight):
      return [NodeTensor(name: weight, shape: Shape([rows, width])!, role: .table)]
    case .position(let rows, _, let weight):
      return [vector(weight, rows, width)]
    case .conv2d(let conv):
      let extents = [width, inputWidth / conv.groups, conv.kernel.height, conv.kernel.width]
      let role: Parameter.Role = node.operation.hasMatrix ? .matrix : .vector
      return [NodeTensor(name: conv.weight, shape: Shape(extents)!, role: role)]
        + (conv.bias.map { [vector($0, width)] } ?? [])
    case .batchNorm(_, let names):
      return [names.weight, names.bias, names.mean, names.variance].map { vector($0, width) }
    case .layerNorm(_, let weight, let bias):
      return [vector(weight, width)] + (bias.map { [vector($0, width)] } ?? [])
    case .linear(_, let weight, let bias):
      return [NodeTensor(name: weight, shape: Shape([width, inputWidth])!, role: .matrix)]
        + (bias.map { [vector($0, width)] } ?? [])
    case .scale(let weight):
      return [vector(weight, width)]
    case .mask, .concat, .averagePool, .add, .multiply, .rotate, .attention, .mean, .pick:
      return []
    }
  }

  /// The nodes whose matrix has no other before it, or none after it, on any path: what errs there
  /// reaches everything, or nothing smooths it.
  public var edgeNodes: Set<Int> {
    firstMatrices.union(lastMatrices)
  }

  /// Nodes with a matrix that no other matrix's result reaches.
  private var firstMatrices: Set<Int> {
    var hasMatrixBefore = values.map { _ in false }
    var result: Set<Int> = []
    for (index, node) in nodes.enumerated() {
      let isBehind = node.operands.contains { hasMatrixBefore[$0] }
      let isMatrix = node.operation.hasMatrix
      if isMatrix, !isBehind { result.insert(index) }
      hasMatrixBefore[node.output] = isMatrix || isBehind
    }
    return result
  }

  /// Nodes with a matrix whose result reaches no other matrix.
  public var lastMatrices: Set<Int> {
    var hasMatrixAfter = values.map { _ in false }
    var result: Set<Int> = []
    for (index, node) in nodes.enumerated().reversed() {
      let isFollowed = hasMatrixAfter[node.output]
      let isMatrix = node.operation.hasMatrix
      if isMatrix, !isFollowed { result.insert(index) }
      if isMatrix || isFollowed {
        for operand in node.operands { hasMatrixAfter[operand] = true }
      }
    }
    return result
  }
}

extension Operation {
  /// Whether it multiplies by a matrix or looks up in a table.
  fileprivate var hasMatrix: Bool {
    switch self {
    case .linear, .lookup: true
    // A depthwise convolution has too few weights to be worth a grid.
    case .conv2d(let convolution): convolution.groups == 1
    case .parameter, .position, .batchNorm, .layerNorm, .scale, .mask, .concat, .averagePool,
      .add, .multiply, .rotate, .attention, .mean, .pick:
      false
    }
  }
}
