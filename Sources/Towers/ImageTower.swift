public import Architecture
public import Concurrency
public import Kernels

/// The image tower: pixels to vectors in the shared space.
public struct ImageTower: Sendable {
  public let graph: Graph
  let runner: Runner

  /// - Parameters:
  ///   - graph: of an image tower.
  ///   - compute: what layers are computed in where their weights allow it.
  public init(
    _ graph: Graph, weights: any Weights, compute: Compute = .f32, pool: WorkerPool
  ) {
    precondition(graph.tower == .image, "the graph of a \(graph.tower.rawValue) tower")
    self.graph = graph
    runner = Runner(graph, weights, compute, pool)
  }

  /// What the layers are computed in where their weights allow it.
  public var compute: Compute { runner.compute }

  /// Of the input.
  public var size: (channels: Int, height: Int, width: Int) {
    guard case .pixels(let channels, let height, let width) = graph.input else {
      preconditionFailure("an image tower without pixels")
    }
    return (channels, height, width)
  }

  /// How many floats one image is.
  public var pixelCount: Int { size.channels * size.height * size.width }

  /// Embeds any number of images; all at once when somebody observes, else a few at a time.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, height, width]`, preprocessed.
  ///   - observe: looks at each stage; then rows are computed that nothing else needs.
  ///   - watch: is told where the time goes.
  /// - Throws: `TowerError` when the pixels are no whole number of images, a tensor does not fit
  ///   the network, or an embedding has no direction; what the weights throw; what `observe`
  ///   throws.
  public func embed(
    _ pixels: Span<Float>, observe: Observer? = nil, watch: Stopwatch? = nil
  ) throws -> Embeddings {
    let count = try count(pixels)
    let group = observe == nil ? max(1, Runner.rowsPerPass / graph.tokenRows) : max(1, count)
    var projected: [Float] = []
    for start in stride(from: 0, to: count, by: group) {
      let part = start..<min(start + group, count)
      let some = pixels.extracting(part.lowerBound * pixelCount..<part.upperBound * pixelCount)
      projected += try runner.run(count: part.count, texts: [], pixels: some, observe, watch)
    }
    return try Embeddings(projected: projected, width: graph.width, of: .image)
  }

  /// How many images pixels are.
  func count(_ pixels: Span<Float>) throws(TowerError) -> Int {
    guard pixels.count % pixelCount == 0 else {
      throw TowerError(
        .pixelCount,
        "\(pixels.count) pixel values, an image has \(pixelCount) "
          + "(\(size.channels)×\(size.height)×\(size.width))")
    }
    return pixels.count / pixelCount
  }
}
