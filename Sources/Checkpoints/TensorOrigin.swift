public import Tensors

/// Where a canonical tensor stands in the files of a checkpoint.
public struct TensorOrigin: Equatable, Sendable {
  /// An index into `Checkpoint.files`.
  public internal(set) var file: Int
  /// The name of the tensor in that file.
  public let name: String
  /// The rows of that tensor that are meant, as for a query in a stacked `in_proj_weight`;
  /// `nil` for all.
  public let rows: Range<Int>?
  /// Whether the file stores the matrix transposed, to be used as `x @ W`.
  public let isTransposed: Bool
  /// float32, float16 or bfloat16.
  public let elementType: ElementType
  /// In canonical orientation.
  public let shape: Shape
  /// Which bytes of that tensor's elements in row-major order.
  public let range: Range<Int>
}
