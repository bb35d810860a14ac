package import Architecture

/// Vectors in the space that pictures and texts share, one for each input.
public struct Embeddings: Equatable, Sendable {
  /// How many elements a vector has.
  public let width: Int
  /// As projected, `[count, width]`: finite, and no row of zeros.
  public let projected: [Float]
  /// Of length 1, `[count, width]`.
  public let normalised: [Float]

  /// Normalises what a tower has projected.
  ///
  /// - Parameter tower: for messages.
  /// - Throws: `TowerError` for a row that has no direction: one with a NaN or an infinity, or of
  ///   zeros (`Formats/network.md`, section 4, rule 10).
  /// - Precondition: whole rows of `width`.
  package init(projected: [Float], width: Int, of tower: Tower) throws(TowerError) {
    precondition(
      width > 0 && projected.count % width == 0, "\(projected.count) floats in rows of \(width)")
    var result = projected
    for start in stride(from: 0, to: projected.count, by: width) {
      let row = start..<start + width
      let squares = row.reduce(0.0) { $0 + Double(projected[$1]) * Double(projected[$1]) }
      guard squares > 0, squares.isFinite else {
        let input = (tower == .image ? "picture " : "text ") + "\(start / width)"
        throw TowerError(
          .embedding,
          squares == 0
            ? "the embedding of \(input) is all zeros, which have no direction"
            : "the embedding of \(input) has a value that is NaN or infinite")
      }
      let length = squares.squareRoot()
      for index in row { result[index] = Float(Double(projected[index]) / length) }
    }
    self.width = width
    self.projected = projected
    normalised = result
  }

  public var count: Int { projected.count / width }

  /// One normalised vector.
  public subscript(index: Int) -> ArraySlice<Float> {
    normalised[index * width..<(index + 1) * width]
  }
}
