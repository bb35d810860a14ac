public import Bytes

/// What packs of one checkpoint reach at different sizes.
public struct Frontier: Sendable {
  public var points: [Point]

  public struct Point: Sendable {
    /// Stored, of the model's tensors.
    public var bitsPerWeight: Double
    public var packBytes: Int
    public var agreement: Comparison

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
