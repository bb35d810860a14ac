internal import Architecture
internal import Bytes
internal import CLIP
internal import Checkpoints
internal import ClipPack
internal import Codecs
internal import Inputs
internal import Kernels
internal import Synchronization
internal import Tensors

/// How much the embeddings feel an error of each tensor.
///
/// A tensor is put on a coarse grid, the probes are run, and the loss (1 − cosine, the mean over
/// probes) is divided by the squared error that the grid made. Losses of small errors in different
/// tensors add up and grow with the square, so this one number a tensor says what any step of it
/// costs. Of a deep tower some layers are tried; between them the logarithm is drawn straight.
struct Sensitivity: Sendable {
  struct Entry: Sendable {
    var parameter: Parameter
    var meanSquare: Double
    /// Loss of the tower for one unit of squared error, times the weights of the tower: so that
    /// equal steps in these units cost both towers alike.
    var weight: Double
  }

  /// Matrices and tables that are not all zero and have finite values alone, in the order of the
  /// model.
  var entries: [Entry] = []

  /// How many probes are asked: the embeddings of few feel the weights as those of many do.
  private static let images = 2
  private static let texts = 8

  init(
    of checkpoint: Checkpoint, _ contract: Contract, _ recipe: Recipe, _ probes: Probes,
    _ pool: WorkerPool, progress: (Double) -> Void
  ) throws {
    var few = probes
    few.levels = Array(probes.levels.prefix(Self.images * 3 * probes.imageSize * probes.imageSize))
    few.texts = Array(probes.texts.prefix(Self.texts))
    let encoder = TensorEncoder(recipe: recipe, pool: pool)
    for parameter in contract.configuration.parameters where parameter.role != .vector {
      let tensor = checkpoint.tensor(parameter.name)
      let meanSquare = tensor.meanSquare(pool)
      checkpoint.release(parameter.name)
      if !meanSquare.isFinite { _ = try encoder.nonFiniteCount(of: tensor, parameter.name) }
      guard meanSquare > 0, meanSquare.isFinite else { continue }
      entries.append(Entry(parameter: parameter, meanSquare: meanSquare, weight: .nan))
    }
    let trial = Trial(checkpoint: checkpoint, contract: contract, probes: few, pool: pool)
    for tower in Tower.allCases {
      let indices = entries.indices.filter { entries[$0].parameter.tower == tower }
      guard !indices.isEmpty else { continue }
      let total = Double(indices.reduce(0) { $0 + entries[$1].parameter.shape.count })
      let weights = try trial.weights(indices.map { entries[$0] }, tower, progress)
      for (index, weight) in zip(indices, weights) { entries[index].weight = weight * total }
    }
  }
}

/// Runs one tower with one tensor disturbed.
private struct Trial {
  let checkpoint: Checkpoint
  let contract: Contract
  let probes: Probes
  let pool: WorkerPool

  /// Loss for squared error, one for each entry.
  func weights(
    _ entries: [Sensitivity.Entry], _ tower: Tower, _ progress: (Double) -> Void
  ) throws -> [Double] {
    let reference = try embed(tower, CheckpointWeights(checkpoint: checkpoint))
    guard !reference.isEmpty else { return entries.map(Self.unmeasured) }
    let series = Series(entries.map(\.parameter.name))
    var found = [Double?](repeating: nil, count: entries.count)
    let chosen = series.chosen
    for (number, index) in chosen.enumerated() {
      progress(Double(number) / Double(chosen.count))
      let entry = entries[index]
      // An error of 1/28 of the weights: far above rounding, and still in proportion.
      let grid = try Grid(
        encoding: checkpoint.tensor(entry.parameter.name),
        step: StepExponent(log2: 0.5 * logarithm(entry.meanSquare) - 3).step, pool: pool)
      checkpoint.release(entry.parameter.name)
      let disturbed = Disturbed(
        original: CheckpointWeights(checkpoint: checkpoint), name: entry.parameter.name,
        matrix: try grid.matrix(entry.parameter.shape, pool))
      let loss = Self.loss(try embed(tower, disturbed), reference)
      guard loss > 1e-13, grid.squaredError > 0 else { continue }
      found[index] = loss / grid.squaredError
    }
    let filled = series.filling(found)
    return zip(filled, entries).map { $0 ?? Self.unmeasured($1) }
  }

  /// Where nothing can be measured, an error counts in proportion to the weights.
  private static func unmeasured(_ entry: Sensitivity.Entry) -> Double {
    1 / (entry.meanSquare * Double(entry.parameter.shape.count))
  }

  private static func loss(_ found: [[Float]], _ reference: [[Float]]) -> Double {
    let squares = zip(found, reference).map { found, reference in
      zip(found, reference).reduce(0.0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
      }
    }
    return squares.reduce(0, +) / Double(2 * max(squares.count, 1))
  }

  private func embed(_ tower: Tower, _ weights: any Weights) throws -> [[Float]] {
    let width = contract.configuration.projectionWidth
    switch tower {
    case .image:
      guard let image = contract.configuration.image, probes.imageCount > 0,
        let preprocessing = contract.preprocessing
      else { return [] }
      let values = try probes.pixels(preprocessing).flatMap(\.values)
      return try ImageTower(image, projectionWidth: width, weights: weights, pool: pool)
        .embed(values.span).rows
    case .text:
      guard let text = contract.configuration.text, !probes.texts.isEmpty else { return [] }
      return try TextTower(text, projectionWidth: width, weights: weights, pool: pool)
        .embed(probes.texts).rows
    }
  }
}

/// Weights of which one matrix is another.
private struct Disturbed: Weights {
  let original: CheckpointWeights
  let name: String
  let matrix: Matrix

  func matrix(_ name: String) throws -> Matrix {
    name == self.name ? matrix : try original.matrix(name)
  }
  func vector(_ name: String) throws -> [Float] { try original.vector(name) }
}

extension Grid {
  fileprivate func matrix(_ shape: Shape, _ pool: WorkerPool) throws -> Matrix {
    let codes = Tensor(codeType, shape, codes)
    guard codeType == .int8 else {
      return try Matrix(
        Tensor(.float32, shape, Grid.decode(codes: codes, steps: steps, pool: pool)))
    }
    let span = steps.span(of: Float.self)
    return Matrix(codes: codes, steps: span.indices.map { span[$0] })
  }
}

/// Tensors of one role, layer after layer.
private struct Series {
  /// Positions among the tensors, by role.
  private var roles: [[Int]] = []

  init(_ names: [String]) {
    var places: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      // "….layers.7.mlp.fc1.weight" without its number.
      let role = name.split(separator: ".").filter { Int($0) == nil }.joined(separator: ".")
      if let place = places[role] {
        roles[place].append(index)
      } else {
        places[role] = roles.count
        roles.append([index])
      }
    }
  }

  /// Those to try: of each role the first two layers, the last, and three between.
  var chosen: [Int] {
    roles.flatMap { role in
      let last = role.count - 1
      return Set([0, 1, last / 4, last / 2, last * 3 / 4, last].filter { $0 <= last }).sorted().map
      {
        role[$0]
      }
    }
  }

  /// Values for all, where some of each role are known.
  func filling(_ known: [Double?]) -> [Double?] {
    var all = known
    for role in roles {
      let places = role.indices.filter { known[role[$0]] != nil }
      guard let first = places.first, let last = places.last else { continue }
      for place in role.indices where known[role[place]] == nil {
        let before = places.last { $0 < place } ?? first
        let after = places.first { $0 > place } ?? last
        let (low, high) = (logarithm(known[role[before]]!), logarithm(known[role[after]]!))
        let share = before == after ? 0 : Double(place - before) / Double(after - before)
        all[role[place]] = power(low + (high - low) * share)
      }
    }
    return all
  }
}

extension Tensor {
  /// The mean of the squares; not finite when an element is not.
  fileprivate func meanSquare(_ pool: WorkerPool) -> Double {
    let chunk = 1 << 18
    let sums = Mutex<[Int: Double]>([:])
    let count = shape.count
    pool.run((count + chunk - 1) / chunk) { index in
      let sum = withFloats(index * chunk..<min((index + 1) * chunk, count)) { floats in
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
      sums.withLock { $0[index] = sum }
    }
    let all = sums.withLock { sums in sums.keys.sorted().map { sums[$0]! } }
    return count == 0 ? 0 : all.reduce(0, +) / Double(count)
  }
}
