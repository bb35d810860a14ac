internal import Architecture
internal import Bytes
public import Checkpoints
internal import Codecs
public import PackFormat
internal import Quantisation
internal import Tensors
internal import Tokenizers

/// Proof that a pack is what its recipe makes of a source.
public enum Rebuilding {
  /// Converts the checkpoint again as the pack's recipe says and compares every block.
  ///
  /// Codes that were rounded for what their layers take in are not made again: their error against
  /// the source is compared with the recorded one.
  ///
  /// - Returns: what differs first, as a clause; `nil` where all is equal.
  /// - Throws: `Refusal` for a pack without a recipe, and for a checkpoint that has not what the
  ///   recipe takes; `FormatError` for a damaged pack.
  public static func firstDifference(
    of pack: Pack, from checkpoint: Checkpoint
  ) throws -> String? {
    guard let json = try pack.json(.recipe) else { throw Refusal("the pack has no recipe") }
    let recipe = try Recipe(decoding: json)
    let spec = try ModelSpec(checkpoint, recipe, nil)
    for (name, source) in spec.sections {
      // A tokenizer that was given apart from the checkpoint cannot be compared with it.
      if source == nil, name == .tokenizer { continue }
      if try pack.json(name) != source {
        return "section \"\(name.rawValue)\" differs from what the source says"
      }
    }
    if let tokenizer = spec.tokenizer {
      let name = SectionName.tokenizerTables.rawValue
      let packed = try pack.section(name).map { $0.bytes.array }
      if packed != tokenizer.tables {
        return "section \"\(name)\" differs from what the source says"
      }
    }
    let encoder = TensorEncoder(recipe: recipe, pool: pack.pool)
    for parameter in spec.graph.parameters {
      guard let packed = pack.tensor(parameter.name) else {
        return "tensor \"\(parameter.name)\" is missing"
      }
      defer { checkpoint.release(parameter.name) }
      if let expected = recipe.codings[parameter.name]?.squaredError {
        if try pack.squaredError(of: packed, from: checkpoint.tensor(parameter.name)) != expected {
          return "tensor \"\(parameter.name)\" differs from the source by another error than the "
            + "recipe says"
        }
        continue
      }
      let encoded = try encoder.encode(checkpoint.tensor(parameter.name), parameter)
      if let difference = packed.firstDifference(from: encoded) {
        return "tensor \"\(parameter.name)\" \(difference)"
      }
    }
    return nil
  }
}

extension Pack {
  /// Σ (value − code · step)² of a tensor on a grid; `nil` for one that is not, or of other extents.
  fileprivate func squaredError(of packed: PackedTensor, from source: Tensor) throws -> Double? {
    guard packed.codec == PackedTensor.Codec.grid.rawValue, packed.shape == source.shape else {
      return nil
    }
    return Grid.squaredError(
      of: source,
      codes: Tensor(packed.streams[0].elementType, packed.shape, try read(packed, stream: 0)),
      steps: try read(packed, stream: 1), pool: pool)
  }
}

extension PackedTensor {
  /// Where what a pack holds first differs from what a source gives.
  fileprivate func firstDifference(from encoded: TensorEncoder.Encoded) -> String? {
    guard streams.count == encoded.content.count, shape == encoded.description.shape,
      codec == encoded.description.codec, elementType == encoded.description.elementType,
      zip(streams, encoded.content).allSatisfy({
        $0.elementType == $1.elementType && $0.size == $1.bytes.count
      })
    else { return "is stored in another form than the recipe gives" }
    for (stream, content) in zip(streams, encoded.content) {
      for index in stream.digests.indices {
        let block = content.bytes.bytes.extracting(stream.range(ofBlock: index))
        guard Digest(of: block) == stream.digests[index] else {
          return "differs from the source in block \(index + 1) of \(stream.digests.count)"
        }
      }
    }
    return nil
  }
}
