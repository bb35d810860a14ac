internal import Architecture
internal import Concurrency
internal import Kernels

extension ImageTower {
  /// Runs images through the tower and back again, and shows what went through each matrix.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, imageSize, imageSize]`.
  ///   - directions: for each image the direction in which its normalised embedding is looked at,
  ///     `[images, projectionWidth]`.
  /// - Throws: as `embed`; what `visit` throws.
  public func trace(_ pixels: Span<Float>, directions: [Float], _ visit: Tracer) throws {
    let count = pixels.count / pixelCount
    precondition(
      pixels.count == count * pixelCount && directions.count == count * projectionWidth,
      "\(pixels.count) pixel values, \(directions.count) elements of directions")
    guard count > 0 else { return }
    let transformer = configuration.transformer
    let width = transformer.width
    let packing = Packing(lengths: Array(repeating: configuration.positions, count: count))
    let encoder = TracedEncoder(
      tower: .image, transformer: transformer, weights: weights, pool: pool, packing: packing,
      isCausal: false)
    let patches = patches(pixels)
    var tokens = [Float](repeating: 0, count: packing.rows * width)
    var tokensSpan = tokens.mutableSpan
    let matrix = try patchEmbedding()
    Fixed.linear(patches.span, matrix.span, into: &tokensSpan, on: pool)
    try addPositions(to: &tokensSpan)
    let passage = try encoder.run(
      weights.tracedNorm(
        tokens, Names.imagePreNorm, width: width, epsilon: transformer.layerNormEpsilon))
    let last = passage.output
    let classRows = packing.starts.dropLast().flatMap { last[$0 * width..<($0 + 1) * width] }

    let classGradient = try weights.traceHead(
      classRows, norm: Names.imagePostNorm, projection: Names.imageProjection, width: width,
      epsilon: transformer.layerNormEpsilon, directions: directions, pool, visit)
    var gradient = [Float](repeating: 0, count: packing.rows * width)
    for (index, start) in packing.starts.dropLast().enumerated() {
      gradient.replaceSubrange(
        start * width..<(start + 1) * width,
        with: classGradient[index * width..<(index + 1) * width])
    }
    try encoder.runBack(passage, &gradient, visit)

    var felt = [Float](repeating: 0, count: gradient.count)
    var feltSpan = felt.mutableSpan
    let weight = try weights.vector(Names.weight(Names.imagePreNorm), count: width)
    Fixed.layerNormGradient(
      gradient.span, tokens.span, weight: weight.span, epsilon: transformer.layerNormEpsilon,
      addingTo: &feltSpan)
    try visit(
      LayerTrace(
        name: Names.patchEmbedding, input: patches, gradient: felt, starts: packing.starts))
  }
}
