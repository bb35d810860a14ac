internal import Bytes
internal import Kernels

/// All that stands at the end of a pack: three manifests and the place of every block.
public struct Index: Equatable, Sendable {
  /// Weights, configuration, preprocessing, tokenizer, recipe: what the content digest covers.
  public var content = Manifest()
  /// Probes, their embeddings, measurements, provenance: what the evidence digest covers.
  public var evidence = Manifest()
  /// What no digest covers: signatures.
  public var attachments = Manifest()
  /// For each item of the three manifests, in order, and each of its streams: its blocks.
  public var placements: [[[Placement]]] = []

  /// All items in the order of the file.
  public var items: [Manifest.Item] { content.items + evidence.items + attachments.items }

  init() {}

  /// Reads the index that a preamble points at, and checks it against both digests.
  init(parsing bytes: RawSpan, _ preamble: Preamble) throws(FormatError) {
    let crc = crc32(bytes)
    guard crc == preamble.indexCRC else {
      throw FormatError(
        .checksum,
        "index has checksum \(crc.hexadecimal), \(preamble.indexCRC.hexadecimal) is recorded",
        at: preamble.indexOffset)
    }
    var input = ByteReader(bytes, origin: preamble.indexOffset)
    content = try Self.manifest(
      &input, preamble.contentManifestSize, preamble.contentDigest, preamble.blockSize)
    evidence = try Self.manifest(
      &input, preamble.evidenceManifestSize, preamble.evidenceDigest, preamble.blockSize)
    attachments = try Self.manifest(
      &input, preamble.attachmentManifestSize, nil, preamble.blockSize)
    // By bytes: Swift's strings are equal when Unicode calls them equivalent, the format's are not.
    var seen: Set<[UInt8]> = []
    for item in items where !seen.insert(Array(item.name.utf8)).inserted {
      throw FormatError(
        .inconsistent, "name \"\(item.name)\" stands twice in the index", at: preamble.indexOffset)
    }
    var end = Preamble.size
    for item in items {
      var streams: [[Placement]] = []
      for stream in item.streams {
        var blocks: [Placement] = []
        for index in stream.digests.indices {
          let decodedSize = stream.range(ofBlock: index).count
          let block = try Placement(
            parsing: &input, after: end, before: preamble.indexOffset, decodedSize: decodedSize,
            panelsSize: stream.panelsSize(of: decodedSize))
          end = block.range.upperBound
          blocks.append(block)
        }
        streams.append(blocks)
      }
      placements.append(streams)
    }
    guard input.remaining == 0 else {
      throw FormatError(
        .inconsistent, "index goes on for \(input.remaining) bytes after its last block",
        at: input.offset)
    }
  }

  private static func manifest(
    _ input: inout ByteReader, _ size: Int, _ digest: Digest?, _ blockSize: Int
  ) throws(FormatError) -> Manifest {
    let start = input.offset
    let bytes = try input.take(UInt64(size), limit: size, "manifest")
    if let digest {
      let found = Digest(of: bytes)
      guard found == digest else {
        throw FormatError(
          .checksum, "manifest has digest \(found), \(digest) is recorded", at: start)
      }
    }
    var reader = ByteReader(bytes, origin: start)
    return try Manifest(parsing: &reader, blockSize: blockSize)
  }

  /// The bytes of the index.
  func encoded() -> (content: [UInt8], evidence: [UInt8], attachments: [UInt8], blocks: [UInt8]) {
    var blocks = ByteWriter()
    for placement in placements.joined().joined() { placement.encode(into: &blocks) }
    return (content.encoded, evidence.encoded, attachments.encoded, blocks.bytes)
  }
}
