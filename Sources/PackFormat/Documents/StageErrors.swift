public import Bytes

/// How far a tower has strayed from another at each stage: the length of the difference over the
/// length of the reference, over some rows of all probes.
public struct StageErrors: Equatable, Sendable {
  public package(set) var names: [String] = []
  public package(set) var errors: [Double] = []

  public init() {}

  /// The stage that errs most, or the first whose error is no number; `nil` without stages.
  public var worst: (name: String, error: Double)? {
    let pairs = zip(names, errors).map { (name: $0, error: $1) }
    return pairs.first { $0.error.isNaN } ?? pairs.max { $0.error < $1.error }
  }

  public var json: JSON {
    .array(
      zip(names, errors).map { ["stage": .string($0), "relative_error": JSON(finite: $1)] })
  }

  /// The stages under a key of an object.
  ///
  /// - Returns: `nil` where there are none.
  /// - Throws: `FormatError` for a stage without name, or with an error that is no number.
  init?(_ key: String, of json: JSON) throws(FormatError) {
    let stages = try json.members(key) { (json) throws(FormatError) in
      guard let name = json["stage"]?.string else {
        throw FormatError(.invalidField, "\(json.excerpt) has no stage")
      }
      return (name, try json.member("relative_error", "a number", \.double) ?? .nan)
    }
    guard !stages.isEmpty else { return nil }
    names = stages.map(\.0)
    errors = stages.map(\.1)
  }
}
