public import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// How codes and steps relate to the values that they are said to stand for.
  public enum Fidelity: Equatable, Sendable {
    /// Steps and codes are those that rounding gives, all of them: each value to its nearest code,
    /// or each column to its nearest path through the trellis.
    case nearest
    /// The steps are those that the codec gives. The codes are others: they were rounded with
    /// feedback, for what a layer takes in, which is not known here. Each row is as near to its
    /// source as `isNear` says.
    case bounded
    /// What no rounding of these values gives, as a clause.
    case foreign(String)
  }

  /// The root mean square of a row's error, in steps, that rounding with feedback may have. It is a
  /// rule for who writes codes as for who checks them: where feedback would lead further, a tensor
  /// is rounded without. Rounding to the nearest has 0.29, to the nearest path through the trellis
  /// 0.5; with feedback rows of trained models have up to 0.9, so that the rule costs nothing.
  static let largestRowError = 1.25
  /// The same for single values.
  static let largestError = 12.0

  /// Holds what a pack stores of a tensor against the tensor.
  ///
  /// The step of each row follows from the row's own values and from one step for the whole tensor,
  /// so that no row can have one that is coarser than the others without need. Codes are the
  /// nearest to the values, or the nearest path through the trellis, which is searched again, or
  /// such as feedback gives.
  ///
  /// - Parameters:
  ///   - codes: int8 or int16, of the tensor's shape.
  ///   - steps: float32, one a row.
  ///   - blockElements: how many codes a block of the pack holds, where chains of the trellis
  ///     begin.
  public static func fidelity(
    of codes: Tensor, steps: Buffer, to tensor: Tensor, blockElements: Int, pool: WorkerPool
  ) -> Fidelity {
    let rows = tensor.columns == 0 ? 0 : tensor.rows
    guard codes.shape == tensor.shape, steps.count == 4 * tensor.rows else {
      return .foreign("has codes of \(codes.shape), the source has \(tensor.shape)")
    }
    let found: [Float] = steps.span(of: Float.self).indices.map { steps.span(of: Float.self)[$0] }
    do throws(CodecError) {
      let finest = try finestSteps(of: tensor, pool)
      let common = commonStep(found, finest)
      if let row = (0..<rows).first(where: { row in
        !isStep(found[row], finest[row], common, isWide: codes.elementType == .int16)
      }) {
        return .foreign("has a step in row \(row) that its values do not give")
      }
      if try Grid(encoding: tensor, step: common, pool: pool).holds(codes, steps) {
        return .nearest
      }
      // Where every row has its own finest step, the one that was asked for is at most the least.
      if codes.elementType == .int8, let step = common ?? found.filter({ $0 > 0 }).min(),
        try Grid(
          trellis: tensor, step: step, price: priceForEmbeddings, blockElements: blockElements,
          pool: pool
        ).holds(codes, steps)
      {
        return .nearest
      }
    } catch {
      return .foreign("has numbers in place of the source's: \(error)")
    }
    return distance(of: codes, steps: found, from: tensor, pool).map(Fidelity.foreign) ?? .bounded
  }

  /// Whether each row of its codes is as near to its values as feedback may take it: a root
  /// mean square of 1.25 steps, and 12 steps at any value.
  func isNear(_ tensor: Tensor, pool: WorkerPool) -> Bool {
    let steps = steps.span(of: Float.self)
    return Self.distance(
      of: Tensor(codeType, tensor.shape, codes), steps: steps.indices.map { steps[$0] },
      from: tensor, pool) == nil
  }

  /// Whether these are its codes and steps, bit for bit.
  private func holds(_ codes: Tensor, _ steps: Buffer) -> Bool {
    codeType == codes.elementType && self.steps.bytes.array == steps.bytes.array
      && self.codes.bytes.array == codes.buffer.bytes.array
  }

  /// The step of each row, and the type of the codes, that the codec gives a tensor.
  ///
  /// - Parameters:
  ///   - step: of every row that it suits; `nil` for the finest that int8 codes allow each row.
  ///   - isTrellis: whether codes are paths through the trellis, which are int8 at any step.
  /// - Throws: as `init(encoding:step:)`.
  public static func rowSteps(
    of tensor: Tensor, near step: Float?, isTrellis: Bool, pool: WorkerPool
  ) throws(CodecError) -> (codeType: ElementType, steps: [Float]) {
    if isTrellis, let step { return (.int8, try trellisSteps(of: tensor, near: step, pool)) }
    let (width, steps) = try steps(of: tensor, near: step, pool)
    return (width == 1 ? .int8 : .int16, steps)
  }

  /// The step that all rows share which do not need a coarser one; `nil` where each has its own
  /// finest.
  private static func commonStep(_ steps: [Float], _ finest: [Float]) -> Float? {
    if zip(steps, finest).allSatisfy({ $0 == ($1 >= .leastNormalMagnitude ? $1 : 0) }) {
      return nil
    }
    return steps.filter { $0.isNormal && $0 > 0 }.min()
  }

  private static func isStep(
    _ step: Float, _ finest: Float, _ common: Float?, isWide: Bool
  ) -> Bool {
    guard let common else { return step == (finest >= .leastNormalMagnitude ? finest : 0) }
    // Where the finest is subnormal the trellis has 0, for nothing of the row is left.
    if finest < .leastNormalMagnitude, step == 0 { return true }
    return finest > 0 && step == max(common, isWide ? finest * 127 / 32_767 : finest)
  }

  /// Where codes are too far from their values, as a clause; `nil` where none are.
  private static func distance(
    of codes: Tensor, steps: [Float], from tensor: Tensor, _ pool: WorkerPool
  ) -> String? {
    let columns = tensor.columns
    let width = codes.elementType == .int16 ? 2 : 1
    let clauses: [String?] = pool.map(tensor.rows) { row in
      let range = row * columns..<(row + 1) * columns
      let step = steps[row]
      // Nothing is left of such a row, and its values are smaller than any normal step.
      guard step > 0 else { return nil }
      let stored = codes.buffer.slice(width * range.lowerBound..<width * range.upperBound)
      return tensor.withFloats(range) { values in
        let error =
          width == 2
          ? gridError(values, wideCodes: stored.bytes, step: step).error
          : gridError(values, codes: stored.span(of: Int8.self), step: step).error
        let limit = largestRowError * Double(step)
        // Written so that a NaN fails.
        guard error <= Double(columns) * limit * limit else {
          let found = (error / Double(columns)).squareRoot() / Double(step)
          return "is \(decimal(found, 2)) steps from the source in row \(row), at most "
            + "\(decimal(largestRowError, 2)) are allowed"
        }
        // A sum of squares is at least each of them.
        let furthest = largestError * Double(step)
        guard error > furthest * furthest,
          let column =
            width == 2
            ? firstBeyond(furthest, values, stored.span(of: Int16.self), step)
            : firstBeyond(furthest, values, stored.span(of: Int8.self), step)
        else { return nil }
        let code =
          width == 2
          ? Double(stored.span(of: Int16.self)[column]) : Double(stored.span(of: Int8.self)[column])
        let difference = abs(Double(values[column]) - code * Double(step))
        return "is \(decimal(difference / Double(step), 1)) steps from the source in row \(row), "
          + "column \(column), at most \(decimal(largestError, 1)) are allowed"
      }
    }
    return clauses.compactMap(\.self).first
  }

  /// The first column whose value is further from its code than a distance.
  private static func firstBeyond<Code: FixedWidthInteger>(
    _ distance: Double, _ values: Span<Float>, _ codes: Span<Code>, _ step: Float
  ) -> Int? {
    values.indices.first {
      abs(Double(values[$0]) - Double(codes[$0]) * Double(step)) > distance
    }
  }
}
