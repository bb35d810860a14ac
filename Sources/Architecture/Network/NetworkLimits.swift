/// How large a network may be: beyond any that was published, and small enough that no product of
/// extents overflows and no file can ask for more work than a person would wait for.
public enum NetworkLimits {
  /// Bytes of the section's text. The largest known network takes 18 KB.
  static let bytes = 1 << 20
  /// Steps of a tower, with rounds unrolled (666).
  static let steps = 16_384
  static let rounds = 1...1_024
  static let stepsOfRound = 1...1_024
  /// Bytes of a value's name, and of a stage's.
  static let nameBytes = 32
  static let stageBytes = 64
  /// Columns of a value (15,360).
  static let width = 1...(1 << 20)
  /// Rows of a table (901,629).
  static let tableRows = 1...(1 << 24)
  /// Edges of a picture or map (512).
  static let edge = 1...16_384
  /// Tokens of a text (256).
  static let tokens = 1...65_536
  /// Rows of a value.
  static let rows = 1...(1 << 20)
  /// Query rows times key rows of an attention.
  static let attentionPairs = 1 << 26
  static let kernel = 1...64
  static let operands = 2...8
  static let summands = 1...8
  /// Floats of one value (6.4 million).
  static let floats = 1 << 26
  /// Floats of all values that are needed at the same time.
  static let liveFloats = 1 << 28
  /// Multiplications and additions for one input, as pairs (2 · 10¹²).
  static let products = 1 << 44
  static let epsilon: ClosedRange<Float> = 1e-12...1
  static let tokenID = 0...Int(Int32.max)
}
