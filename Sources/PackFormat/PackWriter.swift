internal import Architecture
public import Bytes
internal import Codecs
public import Concurrency
internal import Kernels
public import SystemPackage
internal import Tensors

/// Writes a pack from front to back: content, then evidence, then attachments, then the index.
///
/// Specification: `Formats/clippack.md`. The bytes depend on what is added and on nothing else.
public struct PackWriter: ~Copyable {
  public static let defaultBlockSize = 256 << 10
  /// Of an item, in bytes of UTF-8.
  public static let longestName = 1024
  /// How many dimensions a tensor may have.
  public static let highestRank = 8
  /// Of a tower in mapped storage: the largest page that systems map in.
  static let regionAlignment = 16 << 10
  /// Of a stream whose first block is raw: a cache line, and the widest vector register.
  static let streamAlignment = 64

  /// What may be added now; never goes back.
  private enum Group: Int { case content, evidence, attachments }

  private var file: AtomicFile
  private let storage: Storage
  private let blockSize: Int
  private let pool: WorkerPool
  private let coder = BlockCoder()
  private var index = Index()
  private var group = Group.content
  private var region: Tower?
  /// Whether `compactModelBytes` is counted for mapped storage too, where blocks are coded for that
  /// alone.
  private let measuresCompact: Bool

  /// What the blocks of the model's tensors take so far in compact storage, in bytes; in mapped
  /// storage counted only on demand.
  public private(set) var compactModelBytes = 0

  /// - Parameter original: a file that has been read and may be the destination all the same.
  public init(
    _ destination: FilePath, storage: Storage, blockSize: Int = Self.defaultBlockSize,
    measuringCompact measuresCompact: Bool = false, replacing original: FilePath? = nil,
    pool: WorkerPool
  ) throws(FileError) {
    self.measuresCompact = measuresCompact
    var file = try AtomicFile(
      replacing: destination,
      mayReplaceInput: original.map { FileKind.areSame($0, destination) } ?? false)
    try file.appendZeros(Preamble.size)
    self.file = file
    self.storage = storage
    self.blockSize = blockSize
    self.pool = pool
  }

  /// Begins with the content and the evidence of a pack, byte for byte as they lie there; what is
  /// added are attachments.
  public static func copying(
    _ pack: Pack, to destination: FilePath
  ) throws(FileError) -> PackWriter {
    var writer = try PackWriter(
      destination, storage: pack.preamble.storage, blockSize: pack.preamble.blockSize,
      replacing: pack.path, pool: pack.pool)
    let kept = pack.index.content.items.count + pack.index.evidence.items.count
    let placements = Array(pack.index.placements[..<kept])
    let end = placements.joined().joined().last?.range.upperBound ?? Preamble.size
    let file = pack.file
    try writer.file.append(file.bytes.extracting(Preamble.size..<end))
    writer.index.content = pack.index.content
    writer.index.evidence = pack.index.evidence
    writer.index.placements = placements
    writer.group = .attachments
    return writer
  }

  /// From here on, what is added is evidence.
  public mutating func beginEvidence() {
    precondition(group == .content, "evidence follows content")
    group = .evidence
  }

  /// From here on, what is added is outside both digests.
  public mutating func beginAttachments() {
    precondition(group != .attachments, "attachments come once")
    group = .attachments
  }

  public mutating func add(
    section name: String, _ bytes: Buffer, isRequired: Bool = false
  ) throws(FileError) {
    let (stream, blocks) = try write(
      StreamContent(.values, .uint8, bytes), as: .compact)
    append(
      .section(.init(name: name, isRequired: isRequired, stream: stream)), [blocks])
  }

  public mutating func add(_ name: SectionName, _ json: JSON) throws(FileError) {
    let utf8 = Array(json.description.utf8)
    try add(
      section: name.rawValue, Buffer(utf8),
      isRequired: group == .content)
  }

  public mutating func add(_ tensor: EncodedTensor) throws(FileError) {
    let storage = group == .content && tensor.isModel ? self.storage : .compact
    if storage == .mapped, tensor.tower != region {
      try file.pad(to: Self.regionAlignment)
      region = tensor.tower
    }
    var placements: [[Placement]] = []
    let packed = try tensor.mapParts { (part) throws(FileError) -> Stream in
      let (stream, blocks) = try write(
        part, as: storage, columns: tensor.columns, isModel: tensor.isModel)
      placements.append(blocks)
      return stream
    }
    append(.tensor(packed), placements)
  }

  private mutating func append(_ item: Manifest.Item, _ placements: [[Placement]]) {
    switch group {
    case .content: index.content.items.append(item)
    case .evidence: index.evidence.items.append(item)
    case .attachments: index.attachments.items.append(item)
    }
    index.placements.append(placements)
  }

  /// - Parameter columns: of the tensor; `nil` for a section.
  private mutating func write(
    _ content: StreamContent, as storage: Storage, columns: Int? = nil, isModel: Bool = false
  ) throws(FileError) -> (Stream, [Placement]) {
    let bytes = content.bytes
    var stream = Stream(
      role: content.role, content.elementType, size: bytes.count, columns: columns,
      largestBlock: blockSize)
    let count = stream.blockCount
    let (coder, measuresCompact, layout) = (coder, measuresCompact, stream)
    let codeColumns = content.role == Stream.Role.codes.rawValue ? columns : nil
    var encoded: [EncodedBlock?] = pool.map(count) { index in
      EncodedBlock(
        bytes.bytes.extracting(layout.range(ofBlock: index)), of: layout, columns: codeColumns,
        with: storage == .compact || measuresCompact ? coder : nil, as: storage)
    }
    var placements: [Placement] = []
    for index in 0..<count {
      // Taken out, so that its memory can go.
      let block = encoded[index].take()!
      if isModel { compactModelBytes += block.compactSize }
      if index == 0, block.encoding == .raw || block.encoding == .panels {
        try file.pad(to: Self.streamAlignment)
      }
      stream.digests.append(block.digest)
      placements.append(
        Placement(
          encoding: block.encoding.rawValue, crc: block.crc, offset: file.count,
          storedSize: block.stored?.count ?? block.size))
      if let stored = block.stored {
        try unsafe file.append(stored.span.bytes)
      } else {
        try file.append(bytes.bytes.extracting(stream.range(ofBlock: index)))
      }
    }
    return (stream, placements)
  }

  /// What has been written so far, as an open pack, to be measured before it gets its name.
  public func readBack() throws -> Pack {
    let (preamble, _) = encodedIndex()
    return Pack(try MappedFile(file.workingPath), preamble, index, pool)
  }

  /// What the blocks of the model's tensors take so far, in bytes.
  public var modelBytes: Int {
    zip(index.items, index.placements).reduce(0) { sum, entry in
      guard case .tensor(let tensor) = entry.0, tensor.isModel else { return sum }
      return sum + entry.1.joined().reduce(0) { $0 + $1.storedSize }
    }
  }

  /// What the file would take if it were finished now, in bytes.
  public var fileSize: Int { file.count + encodedIndex().bytes.count }

  /// Writes the index and the preamble and gives the file its name.
  ///
  /// - Parameter expected: the digests that the pack must have; any, when `nil`.
  /// - Returns: the preamble, for its digests and sizes.
  /// - Throws: `FormatError` when a digest is another: the source it was copied from is damaged.
  @discardableResult
  public consuming func finish(
    expecting expected: (content: Digest, evidence: Digest)? = nil
  ) throws -> Preamble {
    let (preamble, bytes) = encodedIndex()
    if let expected {
      guard preamble.contentDigest == expected.content,
        preamble.evidenceDigest == expected.evidence
      else {
        throw FormatError(.checksum, "decoded content does not have the recorded digest")
      }
    }
    try unsafe file.append(bytes.span.bytes)
    try unsafe file.overwrite(preamble.encoded.span.bytes, at: 0)
    try file.commit()
    return preamble
  }

  private func encodedIndex() -> (preamble: Preamble, bytes: [UInt8]) {
    let parts = index.encoded()
    let bytes = parts.content + parts.evidence + parts.attachments + parts.blocks
    let preamble = unsafe Preamble(
      fileSize: file.count + bytes.count, indexOffset: file.count, indexSize: bytes.count,
      indexCRC: crc32(bytes.span.bytes), storage: storage,
      contentManifestSize: parts.content.count, evidenceManifestSize: parts.evidence.count,
      attachmentManifestSize: parts.attachments.count, blockSize: blockSize,
      contentDigest: Digest(of: parts.content.span.bytes),
      evidenceDigest: Digest(of: parts.evidence.span.bytes))
    return (preamble, bytes)
  }
}

/// One block on its way into the file.
private struct EncodedBlock: Sendable {
  let encoding: BlockEncoding
  /// `nil` for a raw block, which is taken from the content itself.
  let stored: [UInt8]?
  let size: Int
  /// In compact storage, where a coder has tried.
  let compactSize: Int
  let crc: UInt32
  let digest: Digest

  /// - Parameters:
  ///   - columns: of the matrix that codes are of; `nil` for what is no codes.
  ///   - coder: `nil` for a block that is mapped without being measured.
  init(
    _ block: RawSpan, of stream: Stream, columns: Int?, with coder: BlockCoder?,
    as storage: Storage
  ) {
    size = block.byteCount
    digest = Digest(of: block)
    let coded = coder?.encode(block, of: stream.elementType, columns: columns)
    compactSize = coded?.bytes.count ?? block.byteCount
    if storage == .compact, let coded, coded.encoding != .raw {
      encoding = coded.encoding
      stored = coded.bytes
    } else if storage == .mapped, let columns = stream.panelColumns,
      let panelsSize = stream.panelsSize(of: block.byteCount)
    {
      encoding = .panels
      var panels = [UInt8](repeating: 0, count: panelsSize)
      var span = panels.mutableSpan
      var bytes = unsafe span.mutableBytes
      CodePanels.pack(block, rows: size / columns, columns: columns, into: &bytes)
      stored = panels
    } else {
      encoding = .raw
      stored = nil
    }
    crc = if let stored { unsafe crc32(stored.span.bytes) } else { crc32(block) }
  }
}
