internal import Bytes

/// The tokens that stand before and after every text.
struct Template: Equatable, Sendable {
  var before: [Int32] = []
  var after: [Int32] = []
  /// Whether `after` is left out where a text ends with it, as transformers' SigLIP class does.
  var endsOnce = false

  /// How many positions it may take.
  var count: Int { before.count + after.count }

  /// The ids with the template's own, as a number of positions has room for.
  ///
  /// - Parameter limit: how many positions there are; `nil` for any number.
  /// - Returns: the ids, and whether some were left out at the end.
  func framed(_ ids: [Int32], limit: Int?) -> (ids: [Int32], isTruncated: Bool) {
    let room = limit.map { $0 - count } ?? ids.count
    let isTruncated = ids.count > room
    let kept = isTruncated ? ids[..<room] : ids[...]
    if endsOnce, !after.isEmpty, kept.suffix(after.count) == after[...] {
      return (before + kept, isTruncated)
    }
    return (before + kept + after, isTruncated)
  }
}

extension Template {
  /// How many tokens may stand around a text.
  static let maximumCount = 64

  func checkLimits(at place: String) throws(FormatError) {
    guard count <= Self.maximumCount else {
      throw FormatError(
        .invalidField,
        "\(place) adds \(count) tokens to a text, at most \(Self.maximumCount) are allowed")
    }
  }
}
