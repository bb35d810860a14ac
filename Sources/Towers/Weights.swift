/// Where a model's weights come from, under the names of `Architecture.Names`.
///
/// A tower asks for each tensor when it is about to use it and lets it go afterwards, so a source
/// that reads or decodes on demand keeps no more than a block in memory.
public protocol Weights: Sendable {
  /// A matrix or table. The patch convolution `[out, channels, p, p]` is one of `out` rows.
  func matrix(_ name: String) throws -> Matrix
  /// Anything else, flattened: biases, LayerNorm, class and position embeddings, `logit_scale`.
  func vector(_ name: String) throws -> [Float]
}

extension Weights {
  /// - Throws: `TowerError.shape` when the matrix has other extents.
  func matrix(_ name: String, rows: Int, columns: Int) throws -> Matrix {
    let matrix = try matrix(name)
    guard matrix.rows == rows, matrix.columns == columns else {
      throw TowerError(
        .shape,
        "tensor \"\(name)\" is \(matrix.rows)×\(matrix.columns), the configuration needs "
          + "\(rows)×\(columns)")
    }
    return matrix
  }

  /// - Throws: `TowerError.shape` when there are more or fewer elements.
  func vector(_ name: String, count: Int) throws -> [Float] {
    let vector = try vector(name)
    guard vector.count == count else {
      throw TowerError(
        .shape,
        "tensor \"\(name)\" has \(vector.count) elements, the configuration needs \(count)")
    }
    return vector
  }
}
