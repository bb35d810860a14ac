internal import Architecture

extension TextTower {
  /// The rows of a stage, of padding too: for generators of pictures, which read all of them.
  ///
  /// - Parameters:
  ///   - texts: of one length.
  ///   - stage: one of the graph's.
  /// - Returns: for each text its rows, one after the other.
  /// - Throws: as `embed`.
  public func states(_ texts: [[Int]], at stage: String) throws -> [[Float]] {
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    return try Self.collect(texts.count, stage) { observe in
      // Not cut behind the token that stands for the text, as embeddings are.
      _ = try runner.run(
        count: texts.count, texts: texts, pixels: [Float]().span, observe, nil)
    }
  }

  static func collect(
    _ count: Int, _ stage: String, _ run: (@escaping Observer) throws -> Void
  ) throws -> [[Float]] {
    var rows: [Float] = []
    try run { found, values in
      guard found.name == stage else { return }
      rows = values.indices.map { values[$0] }
    }
    let size = rows.count / max(count, 1)
    return (0..<count).map { Array(rows[$0 * size..<($0 + 1) * size]) }
  }
}

extension ImageTower {
  /// The rows of a stage.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, height, width]`, preprocessed.
  ///   - stage: one of the graph's.
  /// - Returns: for each image its rows, one after the other.
  /// - Throws: as `embed`.
  public func states(_ pixels: Span<Float>, at stage: String) throws -> [[Float]] {
    let count = try count(pixels)
    return try TextTower.collect(count, stage) { observe in
      _ = try runner.run(count: count, texts: [], pixels: pixels, observe, nil)
    }
  }
}
