public import Bytes
internal import Codecs
internal import Concurrency
public import Tensors

extension Pack {
  /// A tensor decoded to its own element type: what a checkpoint would hold.
  ///
  /// - Throws: `FormatError` for a damaged block or an unknown codec.
  public func decoded(_ tensor: PackedTensor) throws(FormatError) -> Tensor {
    switch tensor.content {
    case .plain:
      let values = try values(of: tensor)
      return values.elementType == tensor.elementType ? values : values.widened
    case .grid:
      let (codes, steps) = try grid(of: tensor)
      return Tensor(
        .float32, tensor.shape, Grid.decode(codes: codes, steps: steps, pool: pool))
    case .unknown:
      throw unknownCodec(tensor)
    }
  }

  /// The stored values of a tensor whose codec is plain, in the element type they are stored in.
  package func values(of tensor: PackedTensor) throws(FormatError) -> Tensor {
    guard case .plain(let values) = tensor.content else { throw unknownCodec(tensor) }
    return Tensor(values.elementType, tensor.shape, try read(tensor, .values))
  }

  /// The codes of a tensor on a grid, in its shape, and the float32 step of each row.
  package func grid(
    of tensor: PackedTensor
  ) throws(FormatError) -> (codes: Tensor, steps: Buffer) {
    guard case .grid(let codes, _) = tensor.content else { throw unknownCodec(tensor) }
    return (
      Tensor(codes.elementType, tensor.shape, try read(tensor, .codes)),
      try read(tensor, .steps)
    )
  }

  package func unknownCodec(_ tensor: PackedTensor) -> FormatError {
    FormatError(
      .unsupported,
      "codec \(tensor.content.codec) is not known to this program: a newer clip-pack is needed",
      tensor: tensor.name)
  }
}
