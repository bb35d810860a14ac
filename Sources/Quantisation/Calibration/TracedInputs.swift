internal import Architecture
internal import Bytes
internal import Checkpoints
internal import Concurrency
internal import Evidence
internal import Kernels
internal import PackFormat
internal import Towers

/// Pictures and texts that are run through the original and back, to see what its weights do.
package struct TracedInputs: Sendable {
  /// The image tower's input, picture by picture.
  var pixels: [[Float]] = []
  var texts: [[Int]] = []
  /// What of the user's is left out, a clause each.
  package var notes: [String] = []
  /// Whether this tool made them.
  var areBuiltIn = true

  /// What a recipe says of them.
  package var description: Recipe.Inputs {
    var hash = RunningDigest()
    for picture in pixels { hash.update(Buffer(littleEndian: picture).bytes) }
    for text in texts { hash.update(Buffer(littleEndian: [-1] + text.map(Int32.init)).bytes) }
    return Recipe.Inputs(areBuiltIn: areBuiltIn, digest: hash.finish().description)
  }

  /// Runs them forward, and shows what goes into each matrix of both towers.
  func forEachLayer(
    _ checkpoint: Checkpoint, _ graph: NetworkGraph, _ pool: WorkerPool,
    _ visit: (Tower, LayerInput) throws -> Void
  ) throws {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    // Pages of weights that were read are given back when the next layer's turn has come.
    var last: String?
    defer { last.map(checkpoint.release) }
    func show(_ tower: Tower, _ input: LayerInput) throws {
      try visit(tower, input)
      last.map(checkpoint.release)
      last = input.name
    }
    if let image = graph.image, !pixels.isEmpty {
      let values = pixels.flatMap(\.self)
      try ImageTower(image, weights: weights, pool: pool).forEachInput(values.span) {
        try show(.image, $0)
      }
    }
    if let text = graph.text, !texts.isEmpty {
      try TextTower(text, weights: weights, pool: pool).forEachInput(texts) {
        try show(.text, $0)
      }
    }
  }

  /// Runs them forward and back, a few at a time, and shows what went through each matrix of both
  /// towers.
  ///
  /// The answer of each input is its embedding's component along a direction of ±1 drawn from a
  /// fixed seed, so that over inputs the mean square of a change of answers is that of embeddings.
  func trace(
    _ checkpoint: Checkpoint, _ graph: NetworkGraph, _ pool: WorkerPool,
    _ visit: (Tower, LayerTrace) throws -> Void
  ) throws {
    let weights = CheckpointWeights(checkpoint: checkpoint)
    if let image = graph.image {
      let tower = ImageTower(image, weights: weights, pool: pool)
      for group in Self.groups(pixels.count, Self.picturesTogether) {
        let values = pixels[group].flatMap(\.self)
        try tower.trace(values.span, directions: Self.directions(group, graph.width)) {
          try visit(.image, $0)
        }
      }
    }
    if let text = graph.text {
      let tower = TextTower(text, weights: weights, pool: pool)
      for group in Self.groups(texts.count, Self.textsTogether) {
        try tower.trace(Array(texts[group]), directions: Self.directions(group, graph.width)) {
          try visit(.text, $0)
        }
      }
    }
  }

  /// Some of them: of the built-in pictures the last, of which any eight are of different kinds.
  func thinned(pictures: Int, texts: Int) -> TracedInputs {
    let count = min(texts, self.texts.count)
    return TracedInputs(
      pixels: Array(pixels.suffix(pictures)),
      texts: (0..<count).map { self.texts[$0 * self.texts.count / count] })
  }

  /// So few that what their blocks compute is kept until the way back.
  private static let picturesTogether = 4
  private static let textsTogether = 16

  private static func groups(_ count: Int, _ together: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: together).map { $0..<min($0 + together, count) }
  }

  private static func directions(_ inputs: Range<Int>, _ width: Int) -> [Float] {
    // Weyl's sequence, mixed as in SplitMix64.
    (inputs.lowerBound * width..<inputs.upperBound * width).map { index in
      var z = (UInt64(index) &+ 1) &* 0x9e37_79b9_7f4a_7c15
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z >> 63 == 0 ? 1 : -1
    }
  }
}
