extension Int {
  /// The whole numbers that a `Double` tells apart, and whose sums and products by some hundred are
  /// in the range of `Int` still.
  private static let exact = 1 << 53

  /// The whole part of a number that may be anything: 0 for NaN, ±2⁵³ for what is beyond that.
  ///
  /// `Int(value)` ends the program on such numbers, and arithmetic on a file's numbers can give
  /// them.
  public init(saturating value: Double) {
    let bound = Double(Self.exact)
    self = value.isNaN ? 0 : Int(Swift.min(Swift.max(value, -bound), bound))
  }
}
