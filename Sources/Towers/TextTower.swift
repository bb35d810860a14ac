public import Architecture
public import Concurrency
public import Kernels

/// The text transformer: token ids to vectors in the shared space.
///
/// Tokens and positions added → blocks with a causal mask → LayerNorm of the pooled token →
/// projection. Nothing before a token depends on what follows it, so a text is cut after its pooled
/// token, and padding costs and changes nothing.
public struct TextTower: Sendable {
  public let configuration: Configuration.Text
  public let projectionWidth: Int
  /// What the blocks are computed in where their weights allow it.
  public let compute: Compute
  let weights: any Weights
  let pool: WorkerPool

  public init(
    _ configuration: Configuration.Text, projectionWidth: Int, weights: any Weights,
    compute: Compute = .f32, pool: WorkerPool
  ) {
    self.configuration = configuration
    self.projectionWidth = projectionWidth
    self.weights = weights
    self.compute = compute
    self.pool = pool
  }

  /// How many tokens of a text are looked at: those up to the pooled one.
  ///
  /// - Precondition: there is a token.
  public func length(of ids: [Int]) -> Int { configuration.pooling.position(in: ids) + 1 }

  /// Embeds any number of texts; all at once when somebody observes, else a few at a time.
  ///
  /// - Parameters:
  ///   - texts: token ids, start and end token included, of any lengths; padding is allowed.
  ///   - observe: looks at each stage; costs the last block's shortcut.
  ///   - watch: is told where the time goes.
  /// - Throws: `TowerError` when a text is empty, longer than the model's positions, or has an id
  ///   that the vocabulary does not, or when a tensor does not fit the configuration; what the
  ///   weights throw; what `observe` throws.
  public func embed(
    _ texts: [[Int]], observe: Observer? = nil, watch: Stopwatch? = nil
  ) throws -> Embeddings {
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    guard observe == nil else { return try embedTogether(texts, observe, watch) }
    var projected: [Float] = []
    var start = 0
    while start < texts.count {
      var (end, rows) = (start, 0)
      repeat {
        rows += length(of: texts[end])
        end += 1
      } while end < texts.count && rows + length(of: texts[end]) <= Encoder.favourableRows
      projected += try embedTogether(Array(texts[start..<end]), nil, watch).projected
      start = end
    }
    return Embeddings(projected: projected, width: projectionWidth)
  }

  private func embedTogether(
    _ texts: [[Int]], _ observe: Observer?, _ watch: Stopwatch?
  ) throws -> Embeddings {
    guard !texts.isEmpty else { return Embeddings(projected: [], width: projectionWidth) }
    let transformer = configuration.transformer
    let encoder = Encoder(
      tower: .text, transformer: transformer, weights: weights, compute: compute, pool: pool,
      watch: watch)
    let packing = Packing(lengths: texts.map(length))
    watch?.start()
    let tokens = try embedded(texts, packing)
    watch?.lap(.tokens)
    let rows = try encoder.run(
      tokens, packing, isCausal: true, keeping: packing.starts.dropFirst().map { $0 - 1 }, observe)

    var pooled = [Float](repeating: 0, count: rows.count)
    var pooledSpan = pooled.mutableSpan
    try weights.normalise(
      rows.span, Names.textFinalNorm, width: transformer.width,
      epsilon: transformer.layerNormEpsilon, into: &pooledSpan, on: pool)
    try observe?(.pooled, pooled.span)
    return try weights.project(
      pooled, Names.textProjection, width: transformer.width, to: projectionWidth, compute,
      observe, watch, pool)
  }

  func check(_ ids: [Int], _ index: Int) throws(TowerError) {
    guard !ids.isEmpty else {
      throw TowerError(.emptyText, "text \(index) has no tokens, at least 1 is needed")
    }
    guard ids.count <= configuration.positions else {
      throw TowerError(
        .textLength,
        "text \(index) has \(ids.count) tokens, the model takes \(configuration.positions)")
    }
    for (position, id) in ids.enumerated() where id < 0 || id >= configuration.vocabularySize {
      throw TowerError(
        .tokenID,
        "token \(position) of text \(index) is \(id), ids are 0 to "
          + "\(configuration.vocabularySize - 1)")
    }
  }

  /// The input of the first block, `[packing.rows, width]`.
  func embedded(_ texts: [[Int]], _ packing: Packing) throws -> [Float] {
    let width = configuration.transformer.width
    let table = try weights.matrix(
      Names.tokenTable, rows: configuration.vocabularySize, columns: width)
    let positions = try weights.vector(
      Names.textPositions, count: configuration.positions * width)
    var tokens = [Float](repeating: 0, count: packing.rows * width)
    var rows = tokens.mutableSpan
    for (index, ids) in texts.enumerated() {
      let (start, end) = (packing.starts[index], packing.starts[index + 1])
      for row in start..<end { table.row(ids[row - start], into: &rows, at: row * width) }
      let places = positions.span.extracting(0..<(end - start) * width)
      add(places, to: &rows, at: start * width)
    }
    return tokens
  }
}

extension Configuration.Pooling {
  /// The position that stands for the whole text.
  ///
  /// - Precondition: there is a token.
  public func position(in ids: [Int]) -> Int {
    precondition(!ids.isEmpty, "a text without tokens")
    switch self {
    case .largestID:
      return ids.indices.reduce(0) { ids[$1] > ids[$0] ? $1 : $0 }
    case .first(let id):
      return ids.firstIndex(of: id) ?? 0
    }
  }
}
