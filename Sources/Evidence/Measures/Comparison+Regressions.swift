internal import Bytes
public import Kernels
public import PackFormat

extension Comparison {
  /// Which measures are worse than recorded, beyond what another machine's rounding explains: a
  /// clause each.
  ///
  /// - Parameters:
  ///   - recorded: those that are missing or no numbers say nothing.
  ///   - compute: what both were measured in.
  public func regressions(from recorded: Measures, in compute: Compute) -> [String] {
    measures.all.compactMap { measure, value in
      guard let before = recorded[measure], before.isFinite,
        let limit = limit(of: measure, before, compute)
      else { return nil }
      // Written so that a NaN fails.
      let isAsGood = limit.isLowest ? value >= limit.value : value <= limit.value
      return isAsGood
        ? nil
        : "\(measure.rawValue) is \(decimal(value, 7)), \(decimal(before, 7)) was recorded and "
          + "\(limit.isLowest ? "at least" : "at most") \(decimal(limit.value, 7)) is allowed"
    }
  }

  /// What a measure may be when it was recorded as `before`; `nil` for anything.
  private func limit(
    of measure: Measure, _ before: Double, _ compute: Compute
  ) -> (value: Double, isLowest: Bool)? {
    let factor = compute.errorTolerance
    return switch measure.tolerance {
    case .error(let more): (before * factor + more, false)
    case .cosine(let more): (1 - ((1 - before) * factor + more), true)
    case .pictures(let count): (before - count / Double(max(pictureCount, 1)), true)
    case .fall(let amount): (before - amount, true)
    case .unbounded: nil
    }
  }

  private var pictureCount: Int { image?.cosines.count ?? 0 }
}

extension Compute {
  /// How many times as large an error may be on another machine as it was recorded. Where
  /// activations are rounded another processor rounds others, and the largest of few errors is a
  /// matter of luck.
  var errorTolerance: Double { self == .f32 ? 1.1 : 3 }
}
