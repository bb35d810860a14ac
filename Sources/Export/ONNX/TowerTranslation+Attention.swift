internal import Architecture
internal import Bytes
internal import Tensors

extension TowerTranslation {
  mutating func attention(_ node: Graph.Node, heads: Int, isCausal: Bool) {
    let (q, k, v) = (node.inputs[0], node.inputs[1], node.inputs[2])
    let width = graph.values[q].width / heads
    let factor = builder.float(1 / Float(width).squareRoot())
    let queries = builder.add("Mul", [rows(q), factor])
    let scores = builder.add(
      "MatMul",
      [
        split(queries, heads, width, [0, 2, 1, 3]), split(rows(k), heads, width, [0, 2, 3, 1]),
      ])
    let mask = node.inputs.count > 3 ? node.inputs[3] : nil
    var masked = scores
    if isCausal { masked = builder.add("Add", [masked, causalMask(q)]) }
    if let mask { masked = builder.add("Add", [masked, keyMask(mask)]) }
    let shares = builder.add("Softmax", [masked], [("axis", .integer(-1))])
    let mixed = builder.add("MatMul", [shares, split(rows(v), heads, width, [0, 2, 1, 3])])
    let turned = builder.add("Transpose", [mixed], [("perm", .integers([0, 2, 1, 3]))])
    names[node.output].rows = builder.add(
      "Reshape", [turned, builder.integers([0, 0, heads * width])], name: name(of: node))
  }

  /// Rows as `heads` heads of `width` columns, their axes in another order.
  private mutating func split(
    _ rows: String, _ heads: Int, _ width: Int, _ order: [Int]
  ) -> String {
    let apart = builder.add("Reshape", [rows, builder.integers([0, 0, heads, width])])
    return builder.add("Transpose", [apart], [("perm", .integers(order))])
  }

  /// What is added to the scores of keys that are hidden: the lowest float32, not −∞, which some
  /// runtimes turn into NaN.
  private static let lowest = -Float.greatestFiniteMagnitude

  /// `[T, T]`: 0 up to the diagonal, `lowest` behind it.
  private mutating func causalMask(_ queries: Int) -> String {
    let key = "causal \(graph.values[queries].rows)"
    if let known = attentionMasks[key] { return known }
    let most = graph.values[queries].rows.at(graph.tokens.upperBound)
    let whole = builder.constant(key, .float32, Shape([most, most])) {
      Buffer(
        littleEndian: (0..<most).flatMap { row in
          (0..<most).map { $0 <= row ? 0 : Self.lowest }
        })
    }
    var mask = whole
    if isDynamic(graph.values[queries].rows) {
      let count = rowCount(queries)
      let ends = builder.add("Concat", [count, count], [("axis", .integer(0))])
      mask = builder.add(
        "Slice", [whole, builder.integers([0, 0]), ends, builder.integers([0, 1])])
    }
    attentionMasks[key] = mask
    return mask
  }

  /// `[batch, 1, 1, S]`: 0 for visible keys, `lowest` for the others.
  private mutating func keyMask(_ mask: Int) -> String {
    let visible = rows(mask)
    if let known = attentionMasks[visible] { return known }
    let hidden = builder.add("Sub", [visible, builder.float(1)])
    let scaled = builder.add("Mul", [hidden, builder.float(-Self.lowest)])
    let result = builder.add("Unsqueeze", [scaled, builder.integers([1, 2])])
    attentionMasks[visible] = result
    return result
  }

  mutating func rotate(_ node: Graph.Node, heads: Int, _ pairs: Operation.Pairs, skip: Int) {
    let x = node.inputs[0]
    let value = graph.values[x]
    let half = value.width / heads / 2
    let whole = rows(x)
    let turned = from(skip, whole)
    let (even, odd) = halves(turned, heads, half, pairs)
    let c = angles(node.inputs[1], node, skip)
    let s = angles(node.inputs[2], node, skip)
    let first = builder.add(
      "Sub", [builder.add("Mul", [even, c]), builder.add("Mul", [odd, s])])
    let second = builder.add(
      "Add", [builder.add("Mul", [odd, c]), builder.add("Mul", [even, s])])
    var result: String
    switch pairs {
    case .halves:
      result = builder.add("Concat", [first, second], [("axis", .integer(-1))])
    case .adjacent:
      let axis = builder.integers([4])
      result = builder.add(
        "Concat",
        [builder.add("Unsqueeze", [first, axis]), builder.add("Unsqueeze", [second, axis])],
        [("axis", .integer(4))])
    }
    result = builder.add("Reshape", [result, builder.integers([0, 0, value.width])])
    if skip > 0 {
      let kept = builder.add(
        "Slice",
        [whole, builder.integers([0]), builder.integers([skip]), builder.integers([1])])
      result = builder.add("Concat", [kept, result], [("axis", .integer(1))])
    }
    names[node.output].rows = result
  }

  /// The first and the second of each pair, `[batch, T, heads, half]`.
  private mutating func halves(
    _ rows: String, _ heads: Int, _ half: Int, _ pairs: Operation.Pairs
  ) -> (String, String) {
    switch pairs {
    case .halves:
      let apart = builder.add("Reshape", [rows, builder.integers([0, 0, heads, 2 * half])])
      let parts = builder.add(
        "Split", [apart, builder.integers([half, half])], [("axis", .integer(3))],
        outputs: ["first", "second"])
      return (parts[0], parts[1])
    case .adjacent:
      let apart = builder.add("Reshape", [rows, builder.integers([0, 0, heads, half, 2])])
      let parts = builder.add(
        "Split", [apart, builder.integers([1, 1])], [("axis", .integer(4))],
        outputs: ["first", "second"])
      let axis = builder.integers([4])
      return (
        builder.add("Squeeze", [parts[0], axis]), builder.add("Squeeze", [parts[1], axis])
      )
    }
  }

  /// The cosines or sines of the rows that are rotated, `[1, T, 1, half]`.
  private mutating func angles(_ table: Int, _ node: Graph.Node, _ skip: Int) -> String {
    let rotated = graph.values[node.output].rows
    let tableRows = graph.values[table].rows.constant
    var cut = rows(table)
    if isDynamic(rotated) {
      let count =
        skip == 0
        ? rowCount(node.output)
        : builder.add("Sub", [rowCount(node.output), builder.integers([skip])])
      cut = builder.add("Slice", [cut, builder.integers([0]), count, builder.integers([1])])
    } else if case let count = rotated.at(graph.tokens.upperBound) - skip, count < tableRows {
      cut = builder.add(
        "Slice",
        [cut, builder.integers([0]), builder.integers([max(count, 0)]), builder.integers([1])])
    }
    return builder.add("Unsqueeze", [cut, builder.integers([2])])
  }
}
