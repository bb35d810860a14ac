public import Architecture

extension Similarity {
  /// The scores of a network, with their numbers.
  public init(_ scores: Network.Scores, _ weights: some Weights) throws {
    self.init(
      logScale: try weights.vector(scores.scale, count: 1)[0],
      bias: try scores.bias.map { try weights.vector($0, count: 1)[0] } ?? 0,
      isIndependent: scores.rule == .sigmoid)
  }
}
