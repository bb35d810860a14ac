public import Evidence
public import PackFormat

extension Conversion {
  /// What a conversion did.
  public struct Summary: Sendable {
    public var sourceBytes: Int
    public var packBytes: Int
    /// What the model's tensors take in the pack.
    public var weightBytes: Int
    public var parameterCount: Int
    public var contentDigest: Digest
    /// How near the pack's embeddings are to the original's; `nil` without evidence.
    public var comparison: Comparison?
    /// What had to be assumed or left out, a sentence each.
    public var notes: [String]

    public var bitsPerWeight: Double { 8 * Double(weightBytes) / Double(parameterCount) }
  }
}
