package import Architecture
package import Bytes
package import Codecs
package import Concurrency
internal import Kernels
package import PackFormat
internal import Synchronization
package import Tensors

/// Codes tensors as a recipe says.
package struct TensorEncoder: Sendable {
  package let recipe: Recipe
  package let pool: WorkerPool

  package init(recipe: Recipe, pool: WorkerPool) {
    self.recipe = recipe
    self.pool = pool
  }

  /// A tensor as a pack will hold it.
  package struct Encoded {
    package var tensor: EncodedTensor
    /// Σ error² over Σ value²; 0 where nothing is lost, `nil` where it was not measured.
    package var relativeSquaredError: Double?
    /// How many elements are NaN or infinite.
    package var nonFiniteCount = 0
    /// Whether every value is zero now, and not all were.
    package var isErased = false
  }

  /// - Throws: `Refusal` naming the tensor, for values that the recipe cannot carry.
  package func encode(_ tensor: Tensor, _ parameter: Parameter) throws(Refusal) -> Encoded {
    let nonFiniteCount = try nonFiniteCount(of: tensor, parameter.name)
    guard recipe.target != .lossless, nonFiniteCount == 0, parameter.role != .vector else {
      var encoded = exactly(tensor, parameter)
      encoded.nonFiniteCount = nonFiniteCount
      return encoded
    }
    do {
      return switch recipe.target {
      case .f16: try rounded(tensor, parameter, to: .float16, .float16)
      case .bf16: try rounded(tensor, parameter, to: .bfloat16, .bfloat16)
      case .lossless, .int8: try onGrid(tensor, parameter)
      }
    } catch {
      throw Refusal("tensor \"\(parameter.name)\": \(error)")
    }
  }

  /// A tensor that is no part of the model and comes along so that its file can be restored.
  ///
  /// One of more dimensions than a pack allows becomes a vector: its shape stands in the header
  /// that restores the file.
  package static func companion(_ name: String, _ tensor: Tensor) -> Encoded {
    let isFlat = tensor.shape.extents.count > PackWriter.highestRank
    let tensor =
      isFlat ? Tensor(tensor.elementType, [tensor.shape.count], tensor.buffer) : tensor
    return Encoded(
      tensor: EncodedTensor(
        name: name, tower: nil, isModel: false, elementType: tensor.elementType,
        shape: tensor.shape, content: .plain(tensor.elementType, tensor.buffer)),
      relativeSquaredError: 0)
  }

  private func exactly(_ tensor: Tensor, _ parameter: Parameter) -> Encoded {
    let narrow = tensor.narrowedExactly(pool: pool)
    return Encoded(
      tensor: coded(
        parameter, tensor.elementType, .plain(narrow.elementType, narrow.buffer)),
      relativeSquaredError: 0)
  }

  private func rounded(
    _ tensor: Tensor, _ parameter: Parameter, to half: Half, _ type: ElementType
  ) throws(Overflow) -> Encoded {
    let halves = try tensor.rounded(to: half, type, pool: pool)
    return Encoded(
      tensor: coded(parameter, type, .plain(type, halves.buffer)), relativeSquaredError: nil,
      isErased: halves.isZero && !tensor.isZero)
  }

  private func onGrid(_ tensor: Tensor, _ parameter: Parameter) throws(CodecError) -> Encoded {
    describe(try grid(of: tensor, parameter.name), parameter)
  }

  /// Each weight, or each path of weights, rounded for itself.
  func grid(of tensor: Tensor, _ name: String) throws(CodecError) -> Grid {
    guard let coding = recipe.codings[name], let step = coding.step?.step else {
      return try Grid(encoding: tensor, pool: pool)
    }
    guard coding.isTrellis else { return try Grid(encoding: tensor, step: step, pool: pool) }
    return try Grid(
      trellis: tensor, step: step, price: Grid.priceForEmbeddings,
      blockElements: Stream.blockSize(ofCodes: tensor.columns), pool: pool)
  }

  /// The steps of a tensor on a grid and the type of its codes, without the codes.
  package func rowSteps(
    of tensor: Tensor, _ name: String
  ) throws(CodecError) -> (codeType: ElementType, steps: [Float]) {
    let coding = recipe.codings[name]
    return try Grid.rowSteps(
      of: tensor, near: coding?.step?.step, isTrellis: coding?.isTrellis ?? false, pool: pool)
  }

  package func describe(_ grid: Grid, _ parameter: Parameter) -> Encoded {
    Encoded(
      tensor: coded(
        parameter, .float32, .grid(grid.codeType, codes: grid.codes, steps: grid.steps)),
      relativeSquaredError: grid.relativeSquaredError,
      isErased: grid.power > 0 && grid.codes.bytes.isZero)
  }

  private func coded(
    _ parameter: Parameter, _ type: ElementType, _ content: TensorContent<StreamContent>
  ) -> EncodedTensor {
    EncodedTensor(
      name: parameter.name, tower: parameter.tower, isModel: true, elementType: type,
      shape: parameter.shape, content: content)
  }

  /// How many elements are NaN or infinite.
  ///
  /// - Throws: `Refusal` where there are some, and the recipe rounds and does not allow them.
  package func nonFiniteCount(of tensor: Tensor, _ name: String) throws(Refusal) -> Int {
    let count = tensor.nonFiniteCount(pool)
    guard count == 0 || recipe.target == .lossless || recipe.allowsNonFinite else {
      throw Refusal(
        "tensor \"\(name)\" has \(Self.described(nonFinite: count)), which cannot be rounded",
        .notFinite)
    }
    return count
  }

  /// For example: `2 values that are NaN or infinite`.
  package static func described(nonFinite count: Int) -> String {
    count == 1 ? "1 value that is NaN or infinite" : "\(count) values that are NaN or infinite"
  }
}

extension Tensor {
  /// Whether no element differs from zero.
  fileprivate var isZero: Bool {
    let chunk = 1 << 16
    return stride(from: 0, to: shape.count, by: chunk).allSatisfy { start in
      withFloats(start..<min(start + chunk, shape.count)) { peakBits($0) == 0 }
    }
  }

  /// How many elements are NaN or infinite.
  func nonFiniteCount(_ pool: WorkerPool) -> Int {
    let chunk = 1 << 16
    let total = Atomic(0)
    pool.run((shape.count + chunk - 1) / chunk) { index in
      let start = index * chunk
      let count = withFloats(start..<min(start + chunk, shape.count)) { floats in
        guard peakBits(floats) >= Float.infinity.bitPattern else { return 0 }
        return floats.indices.count { !floats[$0].isFinite }
      }
      total.add(count, ordering: .relaxed)
    }
    return total.load(ordering: .relaxed)
  }
}
