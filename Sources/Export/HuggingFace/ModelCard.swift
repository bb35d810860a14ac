internal import Bytes
internal import Kernels
internal import PackFormat

/// The `README.md` of a hub folder: what the weights are, and how near to the original they come.
struct ModelCard {
  private let identity: Identity
  /// `nil` for a pack that was made without.
  private let evidence: EvidenceDocument?

  init(_ pack: Pack, _ identity: Identity) throws(FormatError) {
    self.identity = identity
    evidence = try pack.evidenceDocument()
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
    guard let reached = evidence?.reached(in: .f32) else {
      return "The pack was made without evidence."
    }
    let rows = reached.measures.all.filter { $0.value.isFinite }.map { measure, value in
      "| \(measure.rawValue) | \(value) |"
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
