internal import Bytes
internal import Concurrency
internal import Kernels
public import PackFormat
public import SystemPackage

/// Writes the same pack in another storage: the same content, evidence and attachments, bit for
/// bit.
public enum Repacking {
  /// - Throws: `FormatError` for a damaged source, `FileError` for an unwritable destination.
  /// - Returns: the preamble of the new pack, whose digests are those of the old.
  @discardableResult
  public static func run(
    _ pack: Pack, to destination: FilePath, storage: Storage
  ) throws -> Preamble {
    guard !FileKind.areSame(pack.path, destination) else {
      throw Refusal(
        "the output '\(destination)' is the pack itself", .isInput, about: destination)
    }
    var writer = try PackWriter(
      destination, storage: storage, blockSize: pack.preamble.blockSize, pool: pack.pool)
    try copy(pack.index.content, of: pack, to: &writer)
    writer.beginEvidence()
    try copy(pack.index.evidence, of: pack, to: &writer)
    writer.beginAttachments()
    try copy(pack.index.attachments, of: pack, to: &writer)
    return try writer.finish(expecting: (pack.contentDigest, pack.evidenceDigest))
  }

  /// Adds the items of a manifest, but those whose names are left out.
  static func copy(
    _ manifest: Manifest, of pack: Pack, to writer: inout PackWriter,
    leavingOut isLeftOut: (String) -> Bool = { _ in false }
  ) throws {
    for item in manifest.items where !isLeftOut(item.name) {
      switch item {
      case .section(let section):
        guard let bytes = try pack.section(section.name) else { continue }
        try writer.add(section: section.name, bytes, isRequired: section.isRequired)
      case .tensor(let tensor):
        try writer.add(pack.encoded(tensor))
        pack.release(tensor)
      }
    }
  }
}
