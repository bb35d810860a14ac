package import Architecture
package import Checkpoints
internal import Codecs
package import Concurrency
internal import Kernels
internal import Tensors
internal import Towers

/// How much the embeddings feel an error of each tensor.
///
/// Losses (1 − cosine) of small errors in different tensors add up and grow with the square, so one
/// number a tensor says what any step of it costs. It comes from one run of some inputs through the
/// original and back: an error E of weights changes an answer by Σ gᵀ·E·x over the rows x that go
/// in and the gradients g of what comes out, so errors that are independent of one another and have
/// variance v change it by v · ‖Σ g·xᵀ‖² in the mean square.
package struct Sensitivity: Sendable {
  package struct Entry: Sendable {
    package var parameter: Parameter
    var meanSquare: Double
    /// The finest step that int8 codes allow each row.
    var finestSteps: [Float] = []
    /// Loss of the tower for one unit of squared error, times the weights of the tower: so that
    /// equal steps in these units cost both towers alike.
    var weight: Double
  }

  /// Matrices and tables that are not all zero and have finite values alone, in the order of the
  /// model.
  package var entries: [Entry] = []

  package init(
    of checkpoint: Checkpoint, _ graph: NetworkGraph, _ recipe: Recipe,
    _ inputs: TracedInputs, _ calibration: Calibration?, _ pool: WorkerPool,
    progress: (Double) -> Void
  ) throws {
    let encoder = TensorEncoder(recipe: recipe, pool: pool)
    for parameter in graph.parameters where parameter.role != .vector {
      let tensor = checkpoint.tensor(parameter.name)
      defer { checkpoint.release(parameter.name) }
      let meanSquare = tensor.meanSquare(pool)
      if !meanSquare.isFinite { _ = try encoder.nonFiniteCount(of: tensor, parameter.name) }
      guard meanSquare > 0, meanSquare.isFinite else { continue }
      var entry = Entry(parameter: parameter, meanSquare: meanSquare, weight: .nan)
      entry.finestSteps = try Grid.finestSteps(of: tensor, pool)
      entries.append(entry)
    }
    var gradientEnergies: [String: Double] = [:]
    // More of them, 24 and 48, changed losses by a tenth, either way.
    let gradients = inputs.thinned(pictures: 8, texts: 16)
    var done = 0
    try gradients.trace(checkpoint, graph, pool) { tower, trace in
      done += 1
      progress(Double(done) / Double(entries.count))
      let count = tower == .image ? gradients.pixels.count : gradients.texts.count
      // The loss is half the square of what a normalised embedding moves by.
      gradientEnergies[trace.name, default: 0] += 0.5 * trace.energy(pool) / Double(count)
      checkpoint.release(trace.name)
    }
    for tower in Tower.allCases {
      let indices = entries.indices.filter { entries[$0].parameter.tower == tower }
      let total = Double(indices.reduce(0) { $0 + entries[$1].parameter.shape.count })
      for index in indices {
        let (name, count) = (entries[index].parameter.name, entries[index].parameter.shape.count)
        // Where no gradient is known, or weights that are no numbers have made it none, an error
        // counts in proportion to the weights.
        let known = gradientEnergies[name].flatMap { $0 > 1e-20 && $0.isFinite ? $0 : nil }
        let energy = known ?? 1 / entries[index].meanSquare
        let gain = calibration?.gain(of: name).flatMap { $0 > 0 && $0.isFinite ? $0 : nil } ?? 1
        entries[index].weight = energy * gain / Double(count) * total
      }
    }
  }
}

extension LayerTrace {
  /// ‖Σ gradient · inputᵀ‖² of one picture or text, the sum over all.
  fileprivate func energy(_ pool: WorkerPool) -> Double {
    guard !isLookup else {
      // Rows of the table that are looked up: each token has a gradient of its own.
      return gradient.reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    return outerProductEnergies(
      input.span, aWidth: inputWidth, gradient.span, bWidth: outputWidth, starts: starts, on: pool
    ).reduce(0, +)
  }
}

extension Tensor {
  /// The mean of the squares; not finite when an element is not.
  fileprivate func meanSquare(_ pool: WorkerPool) -> Double {
    let chunk = 1 << 18
    let count = shape.count
    let sums = pool.map((count + chunk - 1) / chunk) { index in
      withFloats(index * chunk..<min((index + 1) * chunk, count)) { floats in
        var lanes: SIMD8<Double> = .zero
        var i = 0
        while i + 8 <= floats.count {
          var x: SIMD8<Double> = .zero
          for lane in 0..<8 { x[lane] = Double(floats[i + lane]) }
          lanes += x * x
          i += 8
        }
        while i < floats.count {
          lanes[0] += Double(floats[i]) * Double(floats[i])
          i += 1
        }
        return lanes.sum()
      }
    }
    return count == 0 ? 0 : sums.reduce(0, +) / Double(count)
  }
}
