/// What goes into one matrix of weights: of the rows alone that reach the embeddings.
public struct LayerInput: Sendable {
  /// Of the weights.
  public let name: String
  /// The same number for matrices that take in the same.
  public let value: Int
  /// `[rows, width]`
  public let rows: [Float]
  public let width: Int
  /// Where the rows of each picture or text begin, and after the last one, where they end.
  public let starts: [Int]
}
