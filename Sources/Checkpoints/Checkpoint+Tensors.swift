internal import Bytes
public import Tensors

extension Checkpoint {
  /// A tensor of the model in canonical orientation: float32, float16 or bfloat16.
  ///
  /// In place, at whatever alignment its file gives it, but for matrices that are stored
  /// transposed, which are copied. Pages of tensors handed out earlier are let go as needed;
  /// a tensor stays valid while it is held.
  ///
  /// - Precondition: the name is among `origins`, as all names of `configuration.parameters` are.
  public func tensor(_ canonical: String) -> Tensor {
    guard let origin = origins[canonical] else {
      preconditionFailure("the model has no tensor \"\(canonical)\"")
    }
    let file = files[origin.file].safetensors.file
    residency.willRead(file, origin.range)
    let stored = Buffer(file, origin.range)
    guard origin.isTransposed else { return Tensor(origin.elementType, origin.shape, stored) }
    defer { file.release(origin.range) }
    return Tensor(origin.elementType, origin.shape, transposed(stored, origin))
  }

  /// Lets go of the memory behind a tensor that will not be read again soon.
  ///
  /// - Precondition: the name is among `origins`.
  public func release(_ canonical: String) {
    guard let origin = origins[canonical] else {
      preconditionFailure("the model has no tensor \"\(canonical)\"")
    }
    files[origin.file].safetensors.file.release(origin.range)
  }

  private func transposed(_ stored: Buffer, _ origin: TensorOrigin) -> Buffer {
    // Canonical is (rows, columns), stored is (columns, rows).
    let (rows, columns) = (origin.shape.extents[0], origin.shape.extents[1])
    return origin.elementType == .float32
      ? transpose(stored, rows, columns, UInt32.self)
      : transpose(stored, rows, columns, UInt16.self)
  }

  private func transpose<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ stored: Buffer, _ rows: Int, _ columns: Int, _: Bits.Type
  ) -> Buffer {
    let size = MemoryLayout<Bits>.size
    let input = stored.bytes
    return Buffer(count: stored.count) { output in
      for row in 0..<rows {
        for column in 0..<columns {
          let value = unsafe input.unsafeLoadUnaligned(
            fromByteOffset: (column * rows + row) * size, as: Bits.self)
          output.storeBytes(
            of: value, toByteOffset: (row * columns + column) * size, as: Bits.self)
        }
      }
    }
  }
}
