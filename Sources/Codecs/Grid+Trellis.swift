internal import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// The price of a bit where embeddings count and not weights: none. A price draws codes towards
  /// zero, and the errors of all weights of a layer then add up (`WhatWasTried` in `ClipPack`'s
  /// documentation).
  public static let priceForEmbeddings: Float = 0

  /// Encodes a tensor with codes that are a path through the trellis in every column, which a
  /// compact pack stores in about one bit a weight less than other codes of the same step: at equal
  /// error in about 0.2 bits less than the plain grid's.
  ///
  /// Codes are int8. Rows whose largest magnitude exceeds 127 steps get a coarser step; use it
  /// where those are few, below some 6 bits a weight. Values err by up to some steps. The same
  /// codes on any number of threads and every instruction set.
  ///
  /// - Parameters:
  ///   - step: of every row that it suits. A plain grid of the same size and 1.2 dB more error has
  ///     a step about 1.75 times as large.
  ///   - price: of a bit, in squared steps; see `Trellis.Frequencies.costs`.
  ///   - blockElements: how many codes a block of the pack holds. Chains begin anew with each
  ///     block, which costs each of them about a bit.
  /// - Throws: `CodecError.notFinite` with the first row that has a NaN or an infinity.
  /// - Precondition: float32, float16 or bfloat16 elements; the step is a normal float.
  public init(
    trellis tensor: Tensor, step: Float, price: Float = 0.4, blockElements: Int, pool: WorkerPool
  ) throws(CodecError) {
    let rowSteps = try Self.trellisSteps(of: tensor, near: step, pool)
    let layout = Trellis.Layout(
      rows: tensor.rows, columns: tensor.columns, block: blockElements)
    codes = tensor.withFloats(0..<tensor.shape.count) { values in
      let sample = TrellisSample(rowSteps, layout)
      let costs = sample.frequencies(of: values, price: price, pool).costs(price: price)
      return Buffer(count: values.count) { output in
        var codes = output.extractCodes(0..<values.count)
        Trellis.search(
          values, layout, inverses: sample.inverses.span, costs: costs, into: &codes, on: pool)
      }
    }
    codeType = .int8
    steps = Buffer(littleEndian: rowSteps)
    (squaredError, power) = Self.sums(
      tensor, codes: Tensor(.int8, tensor.shape, codes), steps: steps, pool)
  }

  /// What `init(trellis:)` would give, estimated from a part of the tensor: how many bytes codes
  /// and steps take in a compact pack, and the squared error. Within about a percent.
  ///
  /// - Parameter elements: how many to look at; all of a tensor that has no more.
  /// - Throws: as `init` does.
  public static func estimate(
    trellis tensor: Tensor, step: Float, price: Float = 0.4, blockElements: Int,
    elements: Int = 1 << 18, pool: WorkerPool
  ) throws(CodecError) -> (bytes: Double, squaredError: Double) {
    let rowSteps = try trellisSteps(of: tensor, near: step, pool)
    let layout = Trellis.Layout(
      rows: tensor.rows, columns: tensor.columns, block: blockElements)
    let count = tensor.shape.count
    // Steps that differ are hardly compressible.
    let stepBytes = 24 + 3.7 * Double(rowSteps.count { $0 != step })
    guard count > 0 else { return (Double(4 * rowSteps.count), 0) }
    return tensor.withFloats(0..<count) { values in
      let sample = TrellisSample(rowSteps, layout, elements: elements)
      let expected = sample.frequencies(of: values, price: price, pool)
      let (found, error) = sample.search(values, expected.costs(price: price), pool)
      let share = Double(count) / Double(found.total)
      // Of each block the columns, the lanes, and two tables.
      let symbols = found.counts.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
      let blocks = Double((count + blockElements - 1) / blockElements)
      let frame = blocks * Double(4 + 128 + 4 + 2 * symbols)
      return (found.bits / 8 * share + frame + stepBytes, error * share)
    }
  }

  /// The step of each row: the one asked for, or what fits the row's largest magnitude into 127.
  static func trellisSteps(
    of tensor: Tensor, near step: Float, _ pool: WorkerPool
  ) throws(CodecError) -> [Float] {
    precondition(step.isNormal && step > 0, "a step of \(step)")
    // A row of zeros keeps step 0, which takes back that odd codes are never 0.
    return try steps(of: tensor, near: nil, pool).steps.map { $0 == 0 ? 0 : max(step, $0) }
  }
}
