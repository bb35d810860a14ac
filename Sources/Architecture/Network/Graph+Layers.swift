extension Graph {
  /// The stage of a layer, counted as `hidden_states` of transformers: 0 is what goes into the
  /// first block, N what comes out of block N; −1 the last, −2 the one before.
  ///
  /// - Returns: `nil` where there is no such layer, and for towers without equal blocks.
  public func stage(ofLayer layer: Int) -> String? {
    let (last, overflow) = layerCount.addingReportingOverflow(layer)
    let number = layer < 0 ? last + 1 : layer
    guard !overflow, layerCount > 0, 0...layerCount ~= number else { return nil }
    return number == 0 ? "embeddings" : "block \(number - 1)"
  }

  /// How many blocks there are whose results can be looked at.
  public var layerCount: Int {
    let names = Set(stages.map(\.name))
    guard names.contains("embeddings") else { return 0 }
    return names.count { $0.hasPrefix("block ") }
  }

  /// Rows and columns of a stage, for the longest text.
  ///
  /// - Precondition: the tower has the stage.
  public func extents(ofStage name: String) -> (rows: Int, columns: Int) {
    guard let stage = stages.first(where: { $0.name == name }) else {
      preconditionFailure("no stage \"\(name)\"")
    }
    let value = values[stage.value]
    return (value.rows.at(tokens.upperBound), value.width)
  }
}
