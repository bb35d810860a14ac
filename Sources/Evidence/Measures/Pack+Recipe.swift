internal import Bytes
public import PackFormat

// What a pack's section `recipe` says to those who do not convert.
extension Pack {
  /// Whether every value is stored as the source had it.
  package var isLossless: Bool {
    get throws(FormatError) { try json(.recipe)?["target"]?.string == "lossless" }
  }

  /// Whether codes may be other than the nearest to the source's values: of a pack that does not
  /// say how it was made, or says that matrices were rounded for what their layers take in.
  package var isCalibrated: Bool {
    get throws(FormatError) {
      guard let recipe = try json(.recipe) else { return true }
      return recipe["calibration"] != nil
    }
  }

  /// The recipe without its long lists of tensors, for people; `nil` for a pack without one.
  public var recipeSummary: String? {
    get throws(FormatError) {
      guard let json = try json(.recipe) else { return nil }
      guard var object = json.object else { return json.description }
      let count = object["steps"]?.object?.keys.count ?? 0
      for key in ["steps", "trellis", "calibration"] { object[key] = nil }
      return JSON.object(object).description
        + (count > 0 ? " and the steps of \(count) tensors" : "")
    }
  }
}
