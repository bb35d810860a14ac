package import Bytes
internal import Codecs
public import Concurrency
internal import Kernels
public import SystemPackage
internal import Tensors

/// An open pack. Opening reads the preamble and the index; everything else is read, and its
/// checksum verified, when it is asked for.
///
/// Specification: `Formats/clippack.md`.
public final class Pack: Sendable {
  public let preamble: Preamble
  public let index: Index
  public let pool: WorkerPool

  /// `index.items`, put together once.
  let items: [Manifest.Item]
  let file: MappedFile
  let coder = BlockCoder()
  /// Where an item stands in the order of the file.
  private let positions: [ExactName: Int]

  /// Maps the file and checks its preamble and index.
  ///
  /// - Throws: `FileError` when it cannot be read, `FormatError` when it is no sound pack.
  public convenience init(_ path: FilePath, pool: WorkerPool = WorkerPool()) throws {
    try self.init(MappedFile(path), pool: pool)
  }

  package convenience init(_ file: MappedFile, pool: WorkerPool) throws(FormatError) {
    var input = ByteReader(file.bytes)
    let preamble = try Preamble(parsing: &input, fileSize: file.count)
    let index = try Index(
      parsing: file.bytes.extracting(
        preamble.indexOffset..<preamble.indexOffset + preamble.indexSize), preamble)
    try Self.check(index.content, "content")
    try Self.check(index.evidence, "evidence")
    try Self.check(index.attachments, "attachment")
    let signatures = index.attachments.items.count { Signature.isPlace($0.name) }
    guard signatures <= Signature.most else {
      throw FormatError(
        .invalidField,
        "the pack has \(signatures) signatures, at most \(Signature.most) are allowed",
        at: preamble.indexOffset)
    }
    self.init(file, preamble, index, pool)
  }

  /// Sections that must be known are, and what a digest has to cover stands where it does.
  private static func check(_ manifest: Manifest, _ place: String) throws(FormatError) {
    for item in manifest.items {
      switch item {
      case .section(let section):
        guard let name = SectionName(rawValue: section.name) else {
          guard section.isRequired else { continue }
          throw FormatError(
            .unsupported,
            "section \"\(section.name)\" is required and not known to this program: a newer "
              + "clip-pack is needed")
        }
        guard name.manifest == place else {
          throw FormatError(
            .inconsistent,
            "section \"\(name.rawValue)\" stands in the \(place) manifest, its place is the "
              + "\(name.manifest) manifest")
        }
      case .tensor(let tensor):
        guard !tensor.isModel || place == "content" else {
          throw FormatError(
            .inconsistent,
            "part of the model stands in the \(place) manifest, its place is the content manifest",
            tensor: tensor.name)
        }
      }
    }
  }

  init(_ file: MappedFile, _ preamble: Preamble, _ index: Index, _ pool: WorkerPool) {
    self.file = file
    self.preamble = preamble
    self.index = index
    self.pool = pool
    items = index.items
    var positions = [ExactName: Int](minimumCapacity: items.count)
    for (position, item) in items.enumerated() { positions[ExactName(item.name)] = position }
    self.positions = positions
  }

  func position(of name: String) -> Int? { positions[ExactName(name)] }

  public var path: FilePath { file.path }
  public var contentDigest: Digest { preamble.contentDigest }
  public var evidenceDigest: Digest { preamble.evidenceDigest }

  /// Every tensor, the model's first, in the order of the file.
  public var tensors: [PackedTensor] {
    items.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
  }

  public func tensor(_ name: String) -> PackedTensor? {
    guard let position = position(of: name), case .tensor(let tensor) = items[position] else {
      return nil
    }
    return tensor
  }

  /// Lets go of the memory behind a tensor that will not be read again soon.
  public func release(_ tensor: PackedTensor) {
    guard let position = position(of: tensor.name) else { return }
    for block in index.placements[position].joined() { file.release(block.range) }
  }

  /// What the blocks of the model's tensors take, in bytes.
  public var modelBytes: Int {
    tensors.filter(\.isModel).reduce(0) { $0 + storedSize(of: $1.name) }
  }

  /// How many bytes of the file an item takes.
  public func storedSize(of name: String) -> Int {
    guard let position = position(of: name) else { return 0 }
    return index.placements[position].joined().reduce(0) { $0 + $1.storedSize }
  }
}

/// The sections of version 1.
public enum SectionName: String, CaseIterable, Sendable {
  /// What the model computes (`Formats/network.md`).
  case network
  /// The source's own words for it, as transformers' `config.json`.
  case configuration
  /// The preprocessing, as transformers' `preprocessor_config.json`.
  case preprocessing
  case tokenizer
  /// The tokenizer's vocabulary and other tables, where they are large.
  case tokenizerTables = "tokenizer_tables"
  /// How the weights were coded.
  case recipe
  /// Where they came from, and with which options.
  case provenance
  /// What was measured.
  case evidence

  /// The one that holds it.
  var manifest: String {
    switch self {
    case .network, .configuration, .preprocessing, .tokenizer, .tokenizerTables, .recipe: "content"
    case .provenance, .evidence: "evidence"
    }
  }
}
