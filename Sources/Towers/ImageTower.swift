public import Architecture
public import Concurrency
public import Kernels

/// The vision transformer: pixels to vectors in the shared space.
///
/// Pixels → patches · patchEmbeddingᵀ, the class token before them, positions added → LayerNorm →
/// blocks → LayerNorm of the class token → projection.
public struct ImageTower: Sendable {
  public let configuration: Configuration.Image
  public let projectionWidth: Int
  /// What the blocks are computed in where their weights allow it.
  public let compute: Compute
  let weights: any Weights
  let pool: WorkerPool

  public init(
    _ configuration: Configuration.Image, projectionWidth: Int, weights: any Weights,
    compute: Compute = .f32, pool: WorkerPool
  ) {
    self.configuration = configuration
    self.projectionWidth = projectionWidth
    self.weights = weights
    self.compute = compute
    self.pool = pool
  }

  /// How many floats one image is.
  public var pixelCount: Int {
    configuration.channels * configuration.imageSize * configuration.imageSize
  }

  /// Embeds any number of images; all at once when somebody observes, else a few at a time.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, imageSize, imageSize]`, preprocessed.
  ///   - observe: looks at each stage; costs the last block's shortcut.
  ///   - watch: is told where the time goes.
  /// - Throws: `TowerError` when the pixels are no whole number of images, or a tensor does not fit
  ///   the configuration; what the weights throw; what `observe` throws.
  public func embed(
    _ pixels: Span<Float>, observe: Observer? = nil, watch: Stopwatch? = nil
  ) throws -> Embeddings {
    guard pixels.count % pixelCount == 0 else {
      let (channels, size) = (configuration.channels, configuration.imageSize)
      throw TowerError(
        .pixelCount,
        "\(pixels.count) pixel values, an image has \(pixelCount) (\(channels)×\(size)×\(size))")
    }
    let count = pixels.count / pixelCount
    let group = max(1, Encoder.favourableRows / configuration.positions)
    guard observe == nil, count > group else {
      return try embedTogether(pixels, count, observe, watch)
    }
    var projected: [Float] = []
    for start in stride(from: 0, to: count, by: group) {
      let part = start..<min(start + group, count)
      let some = pixels.extracting(part.lowerBound * pixelCount..<part.upperBound * pixelCount)
      projected += try embedTogether(some, part.count, nil, watch).projected
    }
    return Embeddings(projected: projected, width: projectionWidth)
  }

  private func embedTogether(
    _ pixels: Span<Float>, _ count: Int, _ observe: Observer?, _ watch: Stopwatch?
  ) throws -> Embeddings {
    guard count > 0 else { return Embeddings(projected: [], width: projectionWidth) }
    let transformer = configuration.transformer
    let encoder = Encoder(
      tower: .image, transformer: transformer, weights: weights, compute: compute, pool: pool,
      watch: watch)
    let packing = Packing(lengths: Array(repeating: configuration.positions, count: count))
    let classRows = try encoder.run(
      embedded(pixels, count, watch), packing, isCausal: false,
      keeping: Array(packing.starts.dropLast()), observe)

    var pooled = [Float](repeating: 0, count: classRows.count)
    var pooledSpan = pooled.mutableSpan
    try weights.normalise(
      classRows.span, Names.imagePostNorm, width: transformer.width,
      epsilon: transformer.layerNormEpsilon, into: &pooledSpan, on: pool)
    try observe?(.pooled, pooled.span)
    return try weights.project(
      pooled, Names.imageProjection, width: transformer.width, to: projectionWidth, compute,
      observe, watch, pool)
  }

  /// The input of the first block, `[images · positions, width]`.
  private func embedded(
    _ pixels: Span<Float>, _ count: Int, _ watch: Stopwatch?
  ) throws -> [Float] {
    watch?.start()
    let width = configuration.transformer.width
    var tokens = [Float](repeating: 0, count: count * configuration.positions * width)
    var rows = tokens.mutableSpan
    let matrix = try patchEmbedding()
    var input = LayerInput()
    input.take(patchColumns)
    input.multiply(patches(pixels), matrix.span, into: &rows, in: compute, on: pool)
    try addPositions(to: &rows)
    watch?.count(2 * rows.count * patchColumns)
    watch?.lap(.tokens)
    var normed = [Float](repeating: 0, count: tokens.count)
    var output = normed.mutableSpan
    try weights.normalise(
      tokens.span, Names.imagePreNorm, width: width,
      epsilon: configuration.transformer.layerNormEpsilon, into: &output, on: pool)
    watch?.lap(.norms)
    return normed
  }

  private var patchColumns: Int {
    configuration.channels * configuration.patchSize * configuration.patchSize
  }

  /// The patch convolution as a matrix, `[width, channels · patchSize · patchSize]`.
  func patchEmbedding() throws -> Matrix {
    try weights.matrix(
      Names.patchEmbedding, rows: configuration.transformer.width, columns: patchColumns)
  }

  /// Makes what the patch convolution gives the tokens of images, `[images · positions, width]`.
  func addPositions(to rows: inout MutableSpan<Float>) throws {
    let (width, positions) = (configuration.transformer.width, configuration.positions)
    // The class token is itself plus its row of zeros; then every token gets its position.
    let first = try weights.vector(Names.classEmbedding, count: width)
    var table = try weights.vector(Names.imagePositions, count: positions * width)
    for column in 0..<width { table[column] += first[column] }
    activate(&rows, bias: table.span, .none)
  }

  /// What the patch convolution takes, `[images · positions, patchColumns]`.
  func patches(_ pixels: Span<Float>) -> [Float] {
    Kernels.patches(
      pixels, channels: configuration.channels, size: configuration.imageSize,
      patch: configuration.patchSize, on: pool)
  }
}
