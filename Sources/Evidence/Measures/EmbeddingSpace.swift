public import Bytes
internal import Kernels
public import PackFormat

/// The name of the space that a pack's embeddings lie in: vectors of packs with one name can be
/// searched together, so that an index need not be made again.
///
/// It is the original's where the pack finds nearly all that the original finds, by what its
/// evidence recorded, and the pack's own otherwise. Specification: `Formats/clippack.md`,
/// section 7.4.
public struct EmbeddingSpace: Equatable, Sendable {
  /// 32 hexadecimal digits.
  public let id: String
  /// Whether an index of the original's embeddings can stay.
  public let isOriginal: Bool

  /// The lowest cosine, and the smallest share of an index's nearest found, with which an index
  /// stays.
  static let (lowestCosine, smallestShare) = (0.999, 0.95)

  public init(_ pack: Pack) throws(FormatError) {
    let recorded = try pack.provenanceDocument()?.space
    if let recorded, Self.isDigest(recorded), try Self.keepsIndex(pack) {
      isOriginal = true
      id = String(recorded.prefix(32))
      return
    }
    isOriginal = false
    let line = "clip-pack embedding space 1, of a pack\n\(pack.contentDigest)\n"
    id = unsafe String(Digest(of: Array(line.utf8).span.bytes).description.prefix(32))
  }

  /// Whether it is 64 lower-case hexadecimal digits.
  private static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 2 * Digest.size
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func keepsIndex(_ pack: Pack) throws(FormatError) -> Bool {
    if try pack.isLossless { return true }
    guard let evidence = try pack.evidenceDocument() else { return false }
    let used = evidence.reached.filter { $0.compute == .f32 || $0.compute == evidence.compute }
    return !used.isEmpty && used.allSatisfy { keepsIndex($0.measures) }
  }

  private static func keepsIndex(_ measures: Measures) -> Bool {
    let cosines = [measures[.imageCosineMinimum], measures[.textCosineMinimum]].compactMap(\.self)
    let shares = [measures[.originalIndex], measures[.convertedIndex]].compactMap(\.self)
    // A NaN fails.
    return !cosines.isEmpty && shares.count == 2
      && cosines.allSatisfy { $0 >= lowestCosine } && shares.allSatisfy { $0 >= smallestShare }
  }
}

extension EmbeddingSpace: CustomStringConvertible {
  public var description: String {
    id
      + (isOriginal
        ? " is the original's: an existing index remains usable"
        : " is this pack's own: an index has to be made anew")
  }
}
