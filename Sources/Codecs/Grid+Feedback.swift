internal import Bytes
public import Kernels
public import Tensors

extension Grid {
  /// Encodes a matrix so that the layer's output errs little, for inputs as they were seen, rather
  /// than each weight.
  ///
  /// The steps are those of `init(encoding:step:)`. Where codes are int16 each weight is rounded by
  /// itself: so fine a step leaves nothing to make up for.
  ///
  /// - Parameter factor: L of the second moments L·Lᵀ of the layer's input, `[columns, columns]` of
  ///   which the lower triangle is read.
  /// - Throws: as `init(encoding:step:)`.
  public init(
    encoding tensor: Tensor, step: Float, factor: [Float], pool: WorkerPool
  ) throws(CodecError) {
    let (width, rowSteps) = try Self.steps(of: tensor, near: step, pool)
    let (rows, columns) = (tensor.rows, tensor.columns)
    guard width == 1, tensor.shape.count > 0 else {
      self = try Grid(encoding: tensor, step: step, pool: pool)
      return
    }
    let values = tensor.withFloats(0..<tensor.shape.count) { floats in
      [Float](capacity: floats.count) { output in
        for column in 0..<columns {
          for row in 0..<rows { output.append(floats[row * columns + column]) }
        }
      }
    }
    var codes = [Int8](repeating: 0, count: values.count)
    var span = codes.mutableSpan
    roundWithFeedback(
      values.span, factor: factor.span, steps: rowSteps.span, columns: columns, into: &span,
      on: pool)
    let byRow = [Int8](capacity: codes.count) { output in
      for row in 0..<rows {
        for column in 0..<columns { output.append(codes[column * rows + row]) }
      }
    }
    var sums = (error: 0.0, power: 0.0)
    tensor.withFloats(0..<tensor.shape.count) { floats in
      for row in 0..<rows {
        let range = row * columns..<(row + 1) * columns
        let sum = gridError(
          floats.extracting(range), codes: byRow.span.extracting(range), step: rowSteps[row])
        sums.error += sum.error
        sums.power += sum.power
      }
    }
    self.init(
      codes: Buffer(byRow.map { UInt8(bitPattern: $0) }), codeType: .int8,
      steps: Buffer(littleEndian: rowSteps), squaredError: sums.error, power: sums.power)
  }
}
