internal import Architecture
internal import Checkpoints
internal import Concurrency
internal import Evidence
internal import Kernels
internal import Towers

/// Pictures and texts that are run through the original and back, to see what its weights do.
package struct TracedInputs: Sendable {
  /// The image tower's input, picture by picture.
  var pixels: [[Float]] = []
  var texts: [[Int]] = []
  /// What of the user's is left out, a clause each.
  package var notes: [String] = []

  /// Runs them, and shows what went through each matrix of both towers.
  ///
  /// The answer of each input is its embedding's component along a direction of ±1 drawn from a
  /// fixed seed, so that over inputs the mean square of a change of answers is that of embeddings.
  func trace(
    _ checkpoint: Checkpoint, _ graph: NetworkGraph, _ pool: WorkerPool,
    _ visit: (Tower, LayerTrace) throws -> Void
  ) throws {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    let width = graph.width
    if let image = graph.image, !pixels.isEmpty {
      let tower = ImageTower(image, weights: weights, pool: pool)
      let values = pixels.flatMap(\.self)
      try tower.trace(values.span, directions: Self.directions(pixels.count * width)) {
        try visit(.image, $0)
      }
    }
    if let text = graph.text, !texts.isEmpty {
      let tower = TextTower(text, weights: weights, pool: pool)
      try tower.trace(texts, directions: Self.directions(texts.count * width)) {
        try visit(.text, $0)
      }
    }
  }

  private static func directions(_ count: Int) -> [Float] {
    // Weyl's sequence, mixed as in SplitMix64.
    (0..<UInt64(count)).map { index in
      var z = (index &+ 1) &* 0x9e37_79b9_7f4a_7c15
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z >> 63 == 0 ? 1 : -1
    }
  }
}
