internal import Bytes
public import Tensors

extension Checkpoint {
  /// A tensor of the model in canonical orientation: float32, float16 or bfloat16.
  ///
  /// In place, at whatever alignment its file gives it, but for matrices that are stored
  /// transposed, which are copied. Pages of tensors handed out earlier are let go as needed;
  /// a tensor stays valid while it is held.
  ///
  /// - Precondition: the name is one of `graph.parameters`.
  public func tensor(_ canonical: String) -> Tensor {
    if let constant = constants[canonical] { return constant }
    guard let origin = origins[canonical] else {
      preconditionFailure("the model has no tensor \"\(canonical)\"")
    }
    let (file, entry) = stored(origin)
    residency.willRead(file, entry, origin.range)
    let stored = file.bytes(of: entry, origin.range)
    guard origin.isTransposed else { return Tensor(origin.elementType, origin.shape, stored) }
    defer { file.release(entry, origin.range) }
    // Canonical is [rows, columns], stored is [columns, rows].
    let (rows, columns) = (origin.shape.extents[0], origin.shape.extents[1])
    return Tensor(
      origin.elementType, origin.shape,
      Tensor(origin.elementType, [columns, rows], stored).transposed)
  }

  /// Lets go of the memory behind a tensor that will not be read again soon.
  ///
  /// - Precondition: the name is one of `graph.parameters`.
  public func release(_ canonical: String) {
    guard constants[canonical] == nil else { return }
    guard let origin = origins[canonical] else {
      preconditionFailure("the model has no tensor \"\(canonical)\"")
    }
    let (file, entry) = stored(origin)
    file.release(entry, origin.range)
  }

  /// The absolute offsets of a tensor's elements in its file, as the file has them; `nil` where
  /// they do not lie in it in one piece, or in none.
  ///
  /// - Precondition: the name is one of `graph.parameters`.
  public func location(of canonical: String) -> Range<Int>? {
    guard constants[canonical] == nil else { return nil }
    guard let origin = origins[canonical] else {
      preconditionFailure("the model has no tensor \"\(canonical)\"")
    }
    let (file, entry) = stored(origin)
    guard let start = file.location(of: entry)?.lowerBound else { return nil }
    return start + origin.range.lowerBound..<start + origin.range.upperBound
  }

  private func stored(_ origin: TensorOrigin) -> (any TensorFile, TensorEntry) {
    let file = files[origin.file].tensors
    guard let entry = file.entry(named: origin.name) else {
      preconditionFailure("'\(file.file.path)' has no tensor \"\(origin.name)\"")
    }
    return (file, entry)
  }
}
