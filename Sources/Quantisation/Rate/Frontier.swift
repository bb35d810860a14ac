public import Bytes
public import Evidence

/// What packs of one checkpoint reach at different sizes.
public struct Frontier: Sendable {
  public var points: [Point]
  /// Bits a weight that were asked for and leave nothing that answers.
  public package(set) var leftOut: [Double] = []

  package init(points: [Point]) { self.points = points }

  public struct Point: Sendable {
    /// Stored, of the model's tensors.
    public var bitsPerWeight: Double
    public var packBytes: Int
    public var agreement: Comparison

    package init(bitsPerWeight: Double, packBytes: Int, agreement: Comparison) {
      self.bitsPerWeight = bitsPerWeight
      self.packBytes = packBytes
      self.agreement = agreement
    }

    public var json: JSON {
      var object = agreement.json
      object["bits_per_weight"] = .number(bitsPerWeight)
      object["pack_bytes"] = .integer(packBytes)
      return .object(object)
    }
  }

  /// Rates worth looking at.
  public static let usualBits = [2.0, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8]
}
