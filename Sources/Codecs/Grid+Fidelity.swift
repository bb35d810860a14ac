public import Bytes
public import Concurrency
internal import Kernels
public import Tensors

extension Grid {
  /// How codes and steps relate to the values that they are said to stand for.
  public enum Fidelity: Equatable, Sendable {
    /// Steps and codes are those that rounding each value gives.
    case nearest
    /// The steps are those that the codec gives. The codes were rounded for more than their own
    /// values, as paths through the trellis and codes with feedback are; each row lies as near to
    /// its source as such rounding leads.
    case bounded
    /// What no rounding of these values gives, as a clause.
    case foreign(String)
  }

  /// The root mean square of a row's error, in steps, that rounding for a layer's output or along
  /// the trellis may have. Rounding to the nearest has 0.29. Codes of the trellis are two steps apart,
  /// and feedback moves them further: rows of real models have up to 0.9 (measured at 3 bits a
  /// weight). The negative of a row errs by twice its own root mean square, which at 2 bits is 3.4
  /// steps, and at 1 bit 1.7.
  static let largestRowError = 1.25
  /// The same for single values: more than what the search through the trellis and feedback reach.
  static let largestError = 6.0

  /// Holds what a pack stores of a tensor against the tensor.
  ///
  /// The step of each row follows from the row's own values and from one step for the whole tensor,
  /// so that no row can have one that is coarser than the others without need. Of codes the nearest
  /// are demanded; where they are int8, also such as feedback and the trellis give.
  ///
  /// - Parameters:
  ///   - codes: int8 or int16, of the tensor's shape.
  ///   - steps: float32, one a row.
  public static func fidelity(
    of codes: Tensor, steps: Buffer, to tensor: Tensor, pool: WorkerPool
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
      let nearest = try Grid(encoding: tensor, step: common, pool: pool)
      if nearest.codeType == codes.elementType, nearest.steps.bytes.array == steps.bytes.array,
        nearest.codes.bytes.array == codes.buffer.bytes.array
      {
        return .nearest
      }
      guard codes.elementType == .int8 else {
        return .foreign("has codes that are not its values divided by their steps")
      }
    } catch {
      return .foreign("has numbers in place of the source's: \(error)")
    }
    return bounds(of: codes, steps: found, to: tensor, pool)
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

  private static func bounds(
    of codes: Tensor, steps: [Float], to tensor: Tensor, _ pool: WorkerPool
  ) -> Fidelity {
    let columns = tensor.columns
    let clauses: [String?] = pool.map(tensor.rows) { row in
      let range = row * columns..<(row + 1) * columns
      let step = steps[row]
      // Nothing is left of such a row, and its values are smaller than any normal step.
      guard step > 0 else { return nil }
      let stored = codes.buffer.slice(range)
      return tensor.withFloats(range) { values in
        let codes = stored.span(of: Int8.self)
        let error = gridError(values, codes: codes, step: step).error
        let limit = largestRowError * Double(step)
        // Written so that a NaN fails.
        guard error <= Double(columns) * limit * limit else {
          let found = (error / Double(columns)).squareRoot() / Double(step)
          return "is \(decimal(found, 2)) steps from the source in row \(row), at most "
            + "\(decimal(largestRowError, 2)) are allowed"
        }
        for column in values.indices {
          let difference = abs(Double(values[column]) - Double(codes[column]) * Double(step))
          guard difference > largestError * Double(step) else { continue }
          return "is \(decimal(difference / Double(step), 1)) steps from the source in row \(row), "
            + "column \(column), at most \(decimal(largestError, 1)) are allowed"
        }
        return nil
      }
    }
    return clauses.compactMap(\.self).first.map(Fidelity.foreign) ?? .bounded
  }
}
