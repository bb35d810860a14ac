internal import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// Encodes a matrix so that the layer's output errs little, for inputs as they were seen, rather
  /// than each weight.
  ///
  /// The steps are those of the plain grid or of the trellis. Where feedback would take a row
  /// further from its values than `isNear` allows, each weight is rounded by itself, so that who
  /// holds the codes against the values need not know the factor.
  ///
  /// - Parameters:
  ///   - step: as there; `nil` for the finest that int8 codes allow each row.
  ///   - factor: L of the second moments L·Lᵀ of the layer's input, `[columns, columns]` of which
  ///     the lower triangle is read.
  ///   - blockElements: for paths through the trellis, how many codes a block of the pack holds;
  ///     `nil` for a plain grid.
  /// - Throws: as `init(encoding:step:)`.
  public init(
    encoding tensor: Tensor, step: Float?, factor: [Float], blockElements: Int?, pool: WorkerPool
  ) throws(CodecError) {
    let (width, rowSteps) =
      if blockElements != nil, let step {
        (1, try Self.trellisSteps(of: tensor, near: step, pool))
      } else {
        try Self.steps(of: tensor, near: step, pool)
      }
    guard tensor.shape.count > 0 else {
      self = try Grid(encoding: tensor, step: step, pool: pool)
      return
    }
    let (rows, columns) = (tensor.rows, tensor.columns)
    let bytes = tensor.withFloats(0..<tensor.shape.count) { floats in
      var rounding = ColumnRounding.nearest(limit: width == 1 ? 127 : 32_767)
      if let blockElements {
        let layout = Trellis.Layout(rows: rows, columns: columns, block: blockElements)
        let sample = TrellisSample(rowSteps, layout)
        let price = Self.priceForEmbeddings
        rounding = .trellis(
          layout, sample.frequencies(of: floats, price: price, pool).costs(price: price))
      }
      var codes = [Int16](repeating: 0, count: floats.count)
      var span = codes.mutableSpan
      roundWithFeedback(
        floats, factor: factor.span, steps: rowSteps.span, columns: columns, rounding,
        into: &span, on: pool)
      return [UInt8](capacity: width * codes.count) { output in
        for code in codes {
          output.append(UInt8(truncatingIfNeeded: code))
          if width == 2 { output.append(UInt8(truncatingIfNeeded: code >> 8)) }
        }
      }
    }
    let codes = Buffer(bytes)
    let steps = Buffer(littleEndian: rowSteps)
    let codeType: ElementType = width == 1 ? .int8 : .int16
    let sums = Self.sums(tensor, codes: Tensor(codeType, tensor.shape, codes), steps: steps, pool)
    self.init(
      codes: codes, codeType: codeType, steps: steps, squaredError: sums.error, power: sums.power)
    guard !isNear(tensor, pool: pool) else { return }
    if let blockElements, let step {
      self = try Grid(
        trellis: tensor, step: step, price: Self.priceForEmbeddings, blockElements: blockElements,
        pool: pool)
    } else {
      self = try Grid(encoding: tensor, step: step, pool: pool)
    }
  }
}
