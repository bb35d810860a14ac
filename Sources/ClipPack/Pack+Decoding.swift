public import Bytes
internal import Codecs
internal import Concurrency
public import PackFormat
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
}

extension Tensor {
  /// The same values as float32.
  fileprivate var widened: Tensor { Tensor(.float32, shape, Buffer(littleEndian: floats)) }
}
