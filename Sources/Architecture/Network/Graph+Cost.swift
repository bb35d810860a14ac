extension Graph {
  /// How many pairs of a multiplication and an addition a node takes for one input.
  ///
  /// - Parameter tokens: of the text; not looked at for an image.
  public func products(of node: Node, tokens: Int) -> Int {
    let made = values[node.output]
    let floats = made.rows.at(tokens) * made.width
    switch node.operation {
    case .linear: return floats * values[node.inputs[0]].width
    case .conv2d(let conv):
      return floats * (values[node.inputs[0]].width / conv.groups) * conv.kernel.height
        * conv.kernel.width
    case .attention:
      return 2 * floats * values[node.inputs[1]].rows.at(tokens)
    default: return floats
    }
  }
}

extension Graph {
  /// How many ids every table of a text tower has.
  public var vocabularySize: Int {
    nodes.reduce(Int.max) { least, node in
      if case .lookup(let rows, _, _, _) = node.operation { min(least, rows) } else { least }
    }
  }
}

extension Graph {
  /// Rows of an image while most of the work is done: of its attentions, or of its largest map.
  public var tokenRows: Int {
    let attended = nodes.compactMap { node in
      if case .attention = node.operation { values[node.inputs[1]].rows.constant } else { nil }
    }
    return max(1, attended.max() ?? values.dropFirst().map(\.rows.constant).max() ?? 1)
  }

  /// Elements of the largest value that an image's tower computes, windows of maps among them.
  public var largestImageValue: Int {
    nodes.reduce(1) { largest, node in
      let made = values[node.output]
      var width = made.width
      if case .conv2d(let conv) = node.operation {
        let window = conv.kernel.height * conv.kernel.width
        width = max(width, values[node.inputs[0]].width / conv.groups * window)
      }
      return max(largest, made.rows.at(0) * width)
    }
  }
}
