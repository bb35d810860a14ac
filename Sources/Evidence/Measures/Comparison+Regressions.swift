public import Bytes
public import Kernels

extension Comparison {
  /// The relative error after each stage of both towers; `nil` where nobody observed.
  public var stagesJSON: JSON? {
    guard imageStages != nil || textStages != nil else { return nil }
    return ["image": imageStages?.json ?? .null, "text": textStages?.json ?? .null]
  }

  /// Which measures are worse than recorded, beyond what another machine's rounding explains: a
  /// clause each.
  ///
  /// - Parameters:
  ///   - recorded: the members of `json`; those that are missing or null say nothing.
  ///   - compute: what both were measured in.
  public func regressions(from recorded: JSON, in compute: Compute) -> [String] {
    let now = json
    return now.keys.compactMap { key in
      guard let before = recorded[key]?.double, let limit = limit(of: key, before, compute) else {
        return nil
      }
      let value = now[key]?.double ?? .nan
      // Written so that a NaN fails.
      let isAsGood = limit.isLowest ? value >= limit.value : value <= limit.value
      return isAsGood
        ? nil
        : "\(key) is \(decimal(value, 7)), \(decimal(before, 7)) was recorded and "
          + "\(limit.isLowest ? "at least" : "at most") \(decimal(limit.value, 7)) is allowed"
    }
  }

  /// What a measure may be when it was recorded as `before`.
  ///
  /// Errors may grow as `Compute.growth` says, and by what float32 sums err anyway. Counts of agreeing
  /// answers jump where two answers are nearly equal, so one picture or place may change.
  private func limit(
    of key: String, _ before: Double, _ compute: Compute
  ) -> (value: Double, isLowest: Bool)? {
    let growth = compute.growth
    switch key {
    case "index_depth", "weakest_value": return nil
    case _ where key.hasSuffix("_max_abs") || key.hasSuffix("_mean_abs"):
      return (before * growth + (key.hasPrefix("logits") ? 1e-3 : 1e-5), false)
    case "top1_agreement": return (before - 1.001 / Double(max(pictureCount, 1)), true)
    case "top5_agreement": return (before - 1.001 / Double(max(pictureCount, 1)), true)
    case "rank_correlation_min", "rank_correlation_mean": return (before - 0.05, true)
    case "index_kept_old", "index_kept_new": return (before - 0.1, true)
    case _ where key.contains("centred_cosine"): return (1 - ((1 - before) * growth + 1e-5), true)
    case _ where key.contains("cosine"): return (1 - ((1 - before) * growth + 1e-6), true)
    default: return nil
    }
  }

  private var pictureCount: Int { image?.cosines.count ?? 0 }
}

extension Compute {
  /// How much larger an error may be on another machine than it was recorded. Where activations are
  /// rounded another processor rounds others, and the largest of few errors is a matter of luck.
  var growth: Double { self == .f32 ? 1.1 : 3 }
}

/// What a pack says of itself, for reports.
public struct Record: Sendable {
  public var tensors: [TensorMeasure] = []
  public var imageStages = StageErrors()
  public var textStages = StageErrors()

  init() {}

  init(_ recorded: Evidence.Recorded) {
    tensors = recorded.tensors
    imageStages = StageErrors(decoding: recorded.reached(in: .f32)["image_stages"])
    textStages = StageErrors(decoding: recorded.reached(in: .f32)["text_stages"])
  }
}
