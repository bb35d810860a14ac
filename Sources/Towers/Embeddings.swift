/// Vectors in the space that pictures and texts share, one for each input.
public struct Embeddings: Equatable, Sendable {
  /// How many elements a vector has.
  public let width: Int
  /// As projected, `[count, width]`.
  public let projected: [Float]
  /// Of length 1, `[count, width]`.
  public let normalised: [Float]

  public init(projected: [Float], width: Int) {
    self.width = width
    self.projected = projected
    normalised = Similarity.normalised(projected, width: width)
  }

  public var count: Int { projected.count / width }

  /// One normalised vector.
  public subscript(index: Int) -> ArraySlice<Float> {
    normalised[index * width..<(index + 1) * width]
  }
}
