internal import Bytes
internal import Evidence
internal import PackFormat

/// What every export says of the pack that it was made of.
struct Identity {
  let contentDigest: String
  let embeddingSpace: String
  /// SHA-256 of the source's files, in their order.
  let sources: [(name: String, digest: String)]
  /// The program that wrote the pack.
  let tool: String

  init(_ pack: Pack) throws(FormatError) {
    contentDigest = pack.contentDigest.description
    embeddingSpace = try EmbeddingSpace(pack).id
    let provenance = try pack.provenanceDocument()
    sources = (provenance?.files ?? []).map { ($0.name, $0.sha256) }
    tool = provenance?.tool ?? ""
  }

  /// As metadata of a file: strings by key.
  var metadata: [(key: String, value: String)] {
    var entries = [
      ("clip_pack.content_digest", contentDigest), ("clip_pack.embedding_space", embeddingSpace),
    ]
    if !sources.isEmpty {
      entries.append(
        ("clip_pack.source_digests", sources.map(\.digest).joined(separator: " ")))
    }
    return entries
  }
}
