internal import Architecture
internal import Bytes
internal import Checkpoints
internal import Codecs
package import Concurrency
internal import PackFormat
internal import Tensors
internal import Tokenizers

/// What an original is, without the files that hold it: a digest of all that its embeddings follow
/// from.
///
/// The same model as safetensors, as PyTorch's file, in shards or under other names has one;
/// another weight, network, preprocessing or tokenizer has another. How cosines become scores is no
/// part of it. Specification: `Formats/clippack.md`, section 7.4.
package struct SpaceDigest: CustomStringConvertible, Sendable {
  let digest: Digest

  /// 64 hexadecimal digits.
  package var description: String { digest.description }

  package init(of original: Original, pool: WorkerPool) throws {
    let checkpoint = original.checkpoint
    let graph = checkpoint.graph
    let tables = original.tokenizer?.tables ?? []
    var lines = [
      "clip-pack original 1",
      "image \(Self.digest(of: Network(image: graph.network.image, text: nil, scores: nil).json))",
      "text \(Self.digest(of: Network(image: nil, text: graph.network.text, scores: nil).json))",
      "preprocessing \(Self.digest(of: original.preprocessing?.json ?? .null))",
      "tokenizer \(Self.digest(of: original.tokenizer?.json ?? .null))",
      unsafe "tokenizer_tables \(Digest(of: tables.span.bytes))",
    ]
    let scores = Set([graph.network.scores?.scale, graph.network.scores?.bias].compactMap(\.self))
    let names = graph.parameters.map(\.name).filter { !scores.contains($0) }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let digests = pool.map(names.count) { index in
      let tensor = checkpoint.tensor(names[index])
      defer { checkpoint.release(names[index]) }
      return Self.digest(of: tensor)
    }
    lines += zip(names, digests).map { "tensor \($0) \($1)" }
    let text = Array(lines.map { $0 + "\n" }.joined().utf8)
    digest = unsafe Digest(of: text.span.bytes)
  }

  /// Of the values as float32, little-endian.
  private static func digest(of tensor: Tensor) -> Digest {
    var hash = RunningDigest()
    let count = tensor.shape.count
    for start in stride(from: 0, to: count, by: 1 << 18) {
      tensor.withFloats(start..<min(start + 1 << 18, count)) { unsafe hash.update($0.bytes) }
    }
    return hash.finish()
  }

  private static func digest(of json: JSON) -> Digest {
    let text = Array(json.description.utf8)
    return unsafe Digest(of: text.span.bytes)
  }
}
