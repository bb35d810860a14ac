internal import Architecture
internal import Kernels

extension ImageTower {
  /// Runs images through the tower and back again, and shows what went through each matrix.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, height, width]`.
  ///   - directions: for each image the direction in which its normalised embedding is looked at,
  ///     `[images, graph.width]`.
  /// - Throws: as `embed`; what `visit` throws.
  public func trace(_ pixels: Span<Float>, directions: [Float], _ visit: Tracer) throws {
    let count = try count(pixels)
    try runner.trace(count: count, texts: [], pixels, directions, visit)
  }

  /// Runs images through the tower and shows what goes into each matrix, in the same arithmetic.
  ///
  /// - Parameter pixels: `[images, channels, height, width]`.
  /// - Throws: as `embed`; what `visit` throws.
  public func forEachInput(
    _ pixels: Span<Float>, _ visit: (LayerInput) throws -> Void
  ) throws {
    let count = try count(pixels)
    try runner.forEachInput(count: count, texts: [], pixels, visit)
  }
}

extension TextTower {
  /// Runs texts through the tower and back again, and shows what went through each matrix.
  ///
  /// - Parameters:
  ///   - texts: token ids, as for `embed`.
  ///   - directions: for each text the direction in which its normalised embedding is looked at,
  ///     `[texts, graph.width]`.
  /// - Throws: as `embed`; what `visit` throws.
  public func trace(_ texts: [[Int]], directions: [Float], _ visit: Tracer) throws {
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    try runner.trace(
      count: texts.count, texts: texts.map(prepared), [Float]().span, directions, visit)
  }

  /// Runs texts through the tower and shows what goes into each matrix, in the same arithmetic.
  ///
  /// - Parameter texts: token ids, as for `embed`.
  /// - Throws: as `embed`; what `visit` throws.
  public func forEachInput(_ texts: [[Int]], _ visit: (LayerInput) throws -> Void) throws {
    for (index, ids) in texts.enumerated() { try check(ids, index) }
    try runner.forEachInput(
      count: texts.count, texts: texts.map(prepared), [Float]().span, visit)
  }
}

extension Runner {
  fileprivate func trace(
    count: Int, texts: [[Int]], _ pixels: Span<Float>, _ directions: [Float], _ visit: Tracer
  ) throws {
    precondition(
      directions.count == count * graph.width,
      "\(directions.count) elements of directions for \(count) inputs")
    guard count > 0 else { return }
    let program = Lowering(graph, isObserved: false, isPruned: false).program
    var run = TracedRun(
      program, Batch(count: count, texts: texts, program), weights, pool)
    try run.run(pixels, directions: directions, visit)
  }
  fileprivate func forEachInput(
    count: Int, texts: [[Int]], _ pixels: Span<Float>, _ visit: (LayerInput) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let program = Lowering(graph, isObserved: false).program
    var run = TracedRun(
      program, Batch(count: count, texts: texts, program), weights, pool)
    try run.runForward(pixels, visit)
  }
}
