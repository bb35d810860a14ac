internal import Bytes
internal import PackFormat

/// The `README.md` of a hub folder: what the weights are, and how near to the original they come.
struct ModelCard {
  private let identity: Identity
  private let evidence: JSON?

  init(_ pack: Pack, _ identity: Identity) throws(FormatError) {
    self.identity = identity
    evidence = try pack.json(.evidence)
  }

  var text: String {
    """
    ---
    library_name: transformers
    pipeline_tag: zero-shot-image-classification
    tags:
    - clip
    - clip-pack
    ---

    # A CLIP from a pack

    These are the weights of a pack that clip-pack made, decoded to what the source held them in.
    What the source's licence says of its weights holds for these.

    | | |
    | --- | --- |
    | content digest of the pack | `\(identity.contentDigest)` |
    | embedding space | `\(identity.embeddingSpace)` |
    \(sources)

    ## How near to the original

    \(measures)

    `conformance` holds inputs and the embeddings expected, to check any runtime by.

    """
  }

  private var sources: String {
    identity.sources.map { "| SHA-256 of \(Self.cell($0.name)) | `\($0.digest)` |" }
      .joined(separator: "\n")
  }

  /// What was measured in float32 when the pack was made.
  private var measures: String {
    let reached = evidence?["reached"]?.array?.first { $0["compute"]?.string ?? "f32" == "f32" }
    guard let object = reached?.object else { return "The pack was made without evidence." }
    let rows = object.keys.compactMap { key -> String? in
      guard let value = object[key]?.double else { return nil }
      return "| \(Self.cell(key)) | \(value) |"
    }
    return """
      The original and the pack were asked about the same probes, both computed in float32.

      | measure | value |
      | --- | --- |
      \(rows.joined(separator: "\n"))
      """
  }

  /// Words of a file in a table: nothing of them is markup.
  private static func cell(_ text: String) -> String {
    String(
      text.unicodeScalars.map { scalar -> Character in
        let isPlain =
          scalar.isASCII && scalar.value >= 0x20 && !"|<>`[]&\\*".unicodeScalars.contains(scalar)
        return isPlain ? Character(scalar) : "_"
      })
  }
}
