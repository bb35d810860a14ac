public import Bytes

/// How near a pack's embeddings are to its original's, measure by measure.
///
/// Those of a tower that is not there are missing; NaN stands as null in JSON.
public struct Measures: Equatable, Sendable {
  private var values: [Measure: Double] = [:]

  public init() {}

  public subscript(measure: Measure) -> Double? {
    get { values[measure] }
    set { values[measure] = newValue }
  }

  /// The lowest cosine of both towers that is a number; `nil` where none is.
  public var lowestCosine: Double? {
    [self[.imageCosineMinimum], self[.textCosineMinimum]].compactMap(\.self)
      .filter(\.isFinite).min()
  }

  /// The measure that is furthest from perfect; `nil` where nothing was measured or all are 1.
  public var weakest: (measure: Measure, value: Double)? {
    let shares = Measure.shares.compactMap { measure in
      self[measure].map { (measure: measure, value: $0) }
    }
    return shares.first { $0.value.isNaN }
      ?? shares.filter { $0.value < 1 }.min { $0.value < $1.value }
  }

  /// In the order of the specification.
  public var all: [(measure: Measure, value: Double)] {
    Measure.allCases.compactMap { measure in self[measure].map { (measure, $0) } }
  }

  /// The members that every report of a comparison has.
  public var json: JSON.Object {
    var object = JSON.Object()
    for (measure, value) in all {
      object[measure.rawValue] =
        measure == .indexDepth ? .integer(Int(saturating: value)) : JSON(finite: value)
    }
    if let weakest {
      object["weakest"] = .string(weakest.measure.rawValue)
      object["weakest_value"] = JSON(finite: weakest.value)
    }
    return object
  }

  /// - Throws: `FormatError` for a measure that is neither a number nor null.
  public init(parsing json: JSON) throws(FormatError) {
    for measure in Measure.allCases {
      guard json[measure.rawValue] != nil else { continue }
      values[measure] = try json.member(measure.rawValue, "a number", \.double) ?? .nan
    }
  }
}
