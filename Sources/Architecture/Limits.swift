/// What a configuration may ask for: well beyond any published CLIP, and small enough that no
/// product of two or three of them overflows.
enum Limits {
  static let width = 1...65_536
  static let layers = 1...1_024
  static let heads = 1...65_536
  static let hiddenWidth = 1...1_048_576
  static let projection = 1...65_536
  static let imageSize = 1...16_384
  static let vocabulary = 1...16_777_216
  static let positions = 1...65_536
  /// Ids beyond the vocabulary never occur, which is allowed and means position 0.
  static let tokenID = 0...Int(Int32.max)
  static let epsilon = 1e-12...1.0
}
