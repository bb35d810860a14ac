public import Architecture
public import Concurrency
public import Kernels

/// The text tower: token ids to vectors in the shared space.
///
/// Where nothing before a token depends on what follows it, a text is cut after the token that
/// stands for it, and padding costs and changes nothing; and what texts have in common from the
/// first token on is computed once.
public struct TextTower: Sendable {
  public let graph: Graph
  let runner: Runner

  /// - Parameters:
  ///   - graph: of a text tower.
  ///   - compute: what layers are computed in where their weights allow it.
  public init(
    _ graph: Graph, weights: any Weights, compute: Compute = .f32, pool: WorkerPool
  ) {
    precondition(graph.tower == .text, "the graph of an \(graph.tower.rawValue) tower")
    self.graph = graph
    runner = Runner(graph, weights, compute, pool)
  }

  /// What the layers are computed in where their weights allow it.
  public var compute: Compute { runner.compute }

  /// How many tokens of a text are looked at.
  ///
  /// - Precondition: there is a token.
  public func length(of ids: [Int]) -> Int {
    if let cut = runner.cut { return cut.position(in: ids) + 1 }
    if case .paddedIDs(let count, _) = graph.input { return count }
    return ids.count
  }

  /// Embeds any number of texts; all at once when somebody observes, else a few at a time, those
  /// that begin alike together and equal ones once. The more there are in a call, the more they
  /// share.
  ///
  /// - Parameters:
  ///   - texts: token ids, start and end token included, of any lengths; padding is allowed.
  ///   - observe: looks at each stage; then rows are computed that nothing else needs.
  ///   - watch: is told where the time goes.
  /// - Throws: `TowerError` when a text is empty or all padding that a mask hides, longer than the
  ///   model takes, or has an id that the vocabulary does not, when a tensor does not fit the
  ///   network, and when an embedding has no direction; what the weights throw; what `observe`
  ///   throws.
  public func embed(
    _ texts: [[Int]], observe: Observer? = nil, watch: Stopwatch? = nil
  ) throws -> Embeddings {
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    let prepared = texts.map(prepared)
    func run(_ texts: [[Int]]) throws -> [Float] {
      try runner.run(
        count: texts.count, texts: texts, pixels: [Float]().span, observe, watch)
    }
    let width = graph.width
    guard observe == nil else {
      return try Embeddings(projected: try run(prepared), width: width, of: .text)
    }
    let sorted = TextBatches(
      prepared, rows: Runner.rowsPerPass, sharesBeginnings: runner.sharesBeginnings)
    var rows: [Float] = []
    for batch in sorted.batches { rows += try run(Array(sorted.texts[batch])) }
    var projected: [Float] = []
    projected.reserveCapacity(texts.count * width)
    for place in sorted.places { projected += rows[place * width..<(place + 1) * width] }
    return try Embeddings(projected: projected, width: width, of: .text)
  }

  /// What of a text goes through the tower.
  func prepared(_ ids: [Int]) -> [Int] {
    if let cut = runner.cut { return Array(ids[...cut.position(in: ids)]) }
    guard case .paddedIDs(let count, let padding) = graph.input else { return ids }
    return ids + Array(repeating: padding, count: count - ids.count)
  }

  func check(_ ids: [Int], _ index: Int) throws(TowerError) {
    guard !ids.isEmpty else {
      throw TowerError(.emptyText, "text \(index) has no tokens, at least 1 is needed")
    }
    let most = graph.tokens.upperBound
    if case .ids(let least, _) = graph.input, ids.count < least {
      throw TowerError(
        .textLength, "text \(index) has \(ids.count) tokens, the model takes \(least) at least")
    }
    guard ids.count <= most else {
      throw TowerError(
        .textLength, "text \(index) has \(ids.count) tokens, the model takes \(most)")
    }
    let vocabulary = graph.vocabularySize
    for (position, id) in ids.enumerated() where id < 0 || id >= vocabulary {
      throw TowerError(
        .tokenID,
        "token \(position) of text \(index) is \(id), ids are 0 to \(vocabulary - 1)")
    }
    if let hidden = graph.hidingAll(of: prepared(ids)) {
      throw TowerError(
        .emptyText,
        "text \(index) has no token that the model looks at where it must look at one: id "
          + "\(hidden) is its padding")
    }
  }
}

extension Graph {
  /// The id that a mask hides, where it leaves some attention or mean of a text nothing to see.
  ///
  /// - Parameter ids: all that go through the tower.
  fileprivate func hidingAll(of ids: [Int]) -> Int? {
    for node in nodes {
      guard let mask = node.inputs.last.map({ values[$0] }), mask.kind == .mask,
        let maker = nodes.first(where: { values[$0.output] == mask }),
        case .mask(let hidden, let before, let after) = maker.operation
      else { continue }
      let visible =
        Array(repeating: true, count: before) + ids.map { $0 != hidden }
        + Array(repeating: true, count: after)
      switch node.operation {
      case .attention(_, let isCausal):
        // The first query sees the first key alone.
        if isCausal ? !visible[0] : !visible.contains(true) { return hidden }
      case .mean(let skip):
        if !visible.dropFirst(skip).contains(true) { return hidden }
      default: continue
      }
    }
    return nil
  }
}
