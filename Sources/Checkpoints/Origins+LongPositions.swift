internal import Bytes
internal import Tensors

extension Origins {
  /// Long-CLIP's table of text positions, of which a checkpoint holds two: the first rows are those
  /// of the one that CLIP had, the others those of the second, which was trained for long texts.
  ///
  /// Source: `model/model_longclip.py` of Long-CLIP, `mask1` and `mask2`.
  ///
  /// - Parameter name: of the first table.
  /// - Returns: the table and the names of both that it is made of; `nil` where there is no second
  ///   one.
  func longPositions(
    beside name: String
  ) throws(CheckpointError) -> (tensor: Tensor, names: [String])? {
    let second = name + "_res"
    guard let number = shards.locations[second], let first = shards.locations[name],
      let rest = shards.files[number].tensors.entry(named: second),
      let start = shards.files[first].tensors.entry(named: name)
    else { return nil }
    let kept = 20
    guard rest.shape == start.shape, rest.elementType == start.elementType,
      start.elementType.isWeightType, start.shape.extents.count == 2, start.shape.extents[0] > kept
    else {
      throw refused(
        .inconsistent,
        "is \(rest.elementType.rawValue) \(rest.shape), \(JSON.quoted(name)) is "
          + "\(start.elementType.rawValue) \(start.shape); two equal tables of more than \(kept) "
          + "rows are needed", second, number)
    }
    let split = start.byteCount / start.shape.extents[0] * kept
    let head = shards.files[first].tensors.bytes(of: start, 0..<split)
    let tail = shards.files[number].tensors.bytes(of: rest, split..<rest.byteCount)
    return (
      Tensor(start.elementType, start.shape, Buffer(head.bytes.array + tail.bytes.array)),
      [name, second]
    )
  }
}
