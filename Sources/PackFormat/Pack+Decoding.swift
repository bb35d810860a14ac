public import Bytes
internal import Codecs
internal import Concurrency
public import Tensors

extension Pack {
  /// A tensor decoded to its own element type: what a checkpoint would hold.
  ///
  /// - Throws: `FormatError` for a damaged block or an unknown codec.
  public func decoded(_ tensor: PackedTensor) throws(FormatError) -> Tensor {
    switch PackedTensor.Codec(rawValue: tensor.codec) {
    case .plain:
      let values = try values(of: tensor)
      return values.elementType == tensor.elementType ? values : values.widened
    case .grid:
      return Tensor(
        .float32, tensor.shape,
        Grid.decode(
          codes: Tensor(tensor.streams[0].elementType, tensor.shape, try read(tensor, stream: 0)),
          steps: try read(tensor, stream: 1), pool: pool))
    case nil:
      throw unknownCodec(tensor)
    }
  }

  /// The stored values of a tensor whose codec is plain, in the element type they are stored in.
  package func values(of tensor: PackedTensor) throws(FormatError) -> Tensor {
    guard tensor.codec == PackedTensor.Codec.plain.rawValue else { throw unknownCodec(tensor) }
    return Tensor(tensor.streams[0].elementType, tensor.shape, try read(tensor, stream: 0))
  }

  package func unknownCodec(_ tensor: PackedTensor) -> FormatError {
    FormatError(
      .unsupported,
      "codec \(tensor.codec) is not known to this program: a newer clip-pack is needed",
      tensor: tensor.name)
  }
}
