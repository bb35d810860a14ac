public import Bytes
internal import Codecs
public import Kernels
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
  private let coder = BlockCoder()
  /// Where an item stands in the order of the file.
  private let positions: [[UInt8]: Int]

  /// Maps the file and checks its preamble and index.
  ///
  /// - Throws: `FileError` when it cannot be read, `FormatError` when it is no sound pack.
  public convenience init(_ path: FilePath, pool: WorkerPool = WorkerPool()) throws {
    try self.init(MappedFile(path), pool: pool)
  }

  convenience init(_ file: MappedFile, pool: WorkerPool) throws(FormatError) {
    var input = ByteReader(file.bytes)
    let preamble = try Preamble(parsing: &input, fileSize: file.count)
    let index = try Index(
      parsing: file.bytes.extracting(
        preamble.indexOffset..<preamble.indexOffset + preamble.indexSize), preamble)
    try Self.check(index.content, "content")
    try Self.check(index.evidence, "evidence")
    try Self.check(index.attachments, "attachment")
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
    positions = Dictionary(
      uniqueKeysWithValues: items.enumerated().map { (Array($1.name.utf8), $0) })
  }

  private func position(of name: String) -> Int? { positions[Array(name.utf8)] }

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
  /// The architecture, as transformers' `config.json`.
  case configuration
  /// The preprocessing, as transformers' `preprocessor_config.json`.
  case preprocessing
  case tokenizer
  /// How the weights were coded.
  case recipe
  /// Where they came from, and with which options.
  case provenance
  /// What was measured.
  case evidence

  /// The one that holds it.
  var manifest: String {
    switch self {
    case .configuration, .preprocessing, .tokenizer, .recipe: "content"
    case .provenance, .evidence: "evidence"
    }
  }
}

// MARK: Reading

extension Pack {
  /// A section that is JSON; `nil` where the pack has none of that name.
  public func json(_ name: SectionName) throws(FormatError) -> JSON? {
    guard let buffer = try section(name.rawValue) else { return nil }
    do throws(FormatError) {
      return try JSON(parsing: buffer.span(of: UInt8.self))
    } catch {
      throw error.within("section \"\(name.rawValue)\"")
    }
  }

  /// Decoded, in bytes: more than any document that a pack holds, safetensors headers included.
  private static let largestSection = 128 << 20

  /// A section's bytes; `nil` where the pack has none of that name.
  public func section(_ name: String) throws(FormatError) -> Buffer? {
    guard let position = position(of: name), case .section(let section) = items[position]
    else { return nil }
    guard section.stream.size <= Self.largestSection else {
      throw FormatError(
        .invalidField,
        "section \"\(name)\" is \(section.stream.size) bytes, at most \(Self.largestSection) are "
          + "allowed")
    }
    return try read(section.stream, index.placements[position][0], of: name)
  }

  /// One stream of a tensor, checked against its checksums: in place where every block is raw,
  /// else decoded by all threads. It begins at a multiple of 64 either way.
  ///
  /// - Precondition: the tensor is this pack's and has a stream at that index.
  public func read(_ tensor: PackedTensor, stream index: Int) throws(FormatError) -> Buffer {
    guard let position = position(of: tensor.name) else {
      preconditionFailure("no tensor \(tensor.name)")
    }
    return try read(
      tensor.streams[index], self.index.placements[position][index], of: tensor.name)
  }

  private func read(
    _ stream: Stream, _ blocks: [Placement], of name: String
  ) throws(FormatError) -> Buffer {
    if let range = inPlace(blocks, as: .raw) {
      try checkAll(blocks, of: name)
      return Buffer(file, range)
    }
    return try Buffer(count: stream.size, chunk: stream.blockSize, run: pool.run) {
      [self] (index, output) throws(FormatError) in
      try decode(blocks[index], of: stream, name, into: &output)
    }
  }

  /// The codes of a grid as products take them (`CodePanels`), checked against their checksums: in
  /// place where they lie so, else decoded by all threads and put in order.
  ///
  /// - Precondition: the tensor is this pack's, a grid of I8.
  public func readPanels(_ tensor: PackedTensor) throws(FormatError) -> Buffer {
    guard let position = position(of: tensor.name) else {
      preconditionFailure("no tensor \(tensor.name)")
    }
    let (stream, blocks) = (tensor.streams[0], index.placements[position][0])
    let (rows, columns) = (tensor.rows, tensor.columns)
    if let range = inPlace(blocks, as: .panels) {
      try checkAll(blocks, of: tensor.name)
      let file = file
      for (index, block) in blocks.enumerated() {
        let rows = stream.range(ofBlock: index).count / columns
        do throws(FormatError) {
          try BlockCoder.check(
            panels: file.bytes.extracting(block.range), rows: rows, columns: columns)
        } catch {
          throw FormatError(error.code, error.reason, at: block.offset, tensor: tensor.name)
        }
      }
      return Buffer(file, range)
    }
    guard let count = CodePanels.byteCount(rows: rows, columns: columns) else {
      throw FormatError(.invalidField, "\(tensor.shape) overflows", tensor: tensor.name)
    }
    guard let chunk = stream.panelsSize(of: stream.blockSize) else {
      // Of so many columns that a block holds no panel.
      let codes = try read(tensor, stream: 0)
      return Buffer(count: count) { panels in
        CodePanels.pack(codes.bytes, rows: rows, columns: columns, into: &panels)
      }
    }
    return try Buffer(count: count, chunk: chunk, run: pool.run) {
      [self] (index, output) throws(FormatError) in
      let size = stream.range(ofBlock: index).count
      let codes = try Buffer(count: size) { (codes) throws(FormatError) in
        try decode(blocks[index], of: stream, tensor.name, into: &codes)
      }
      CodePanels.pack(codes.bytes, rows: size / columns, columns: columns, into: &output)
    }
  }

  /// The range of the file that the blocks fill when all are of that encoding, adjacent and aligned.
  private func inPlace(_ blocks: [Placement], as encoding: BlockEncoding) -> Range<Int>? {
    guard let first = blocks.first, let last = blocks.last,
      first.offset % PackWriter.streamAlignment == 0,
      blocks.allSatisfy({ $0.encoding == encoding.rawValue }),
      zip(blocks, blocks.dropFirst()).allSatisfy({ $0.range.upperBound == $1.offset })
    else { return nil }
    return first.offset..<last.range.upperBound
  }

  private func checkAll(_ blocks: [Placement], of name: String) throws(FormatError) {
    let failures = FirstFailure()
    pool.run(blocks.count) { [self] index in
      do throws(FormatError) { try check(blocks[index], of: name) } catch {
        failures.record(error, at: index)
      }
    }
    try failures.rethrow()
  }

  /// Compares the stored bytes of a block with their checksum.
  private func check(_ block: Placement, of name: String) throws(FormatError) {
    let file = file
    let crc = crc32(file.bytes.extracting(block.range))
    guard crc == block.crc else {
      throw FormatError(
        .checksum,
        "block of \(block.storedSize) bytes has checksum \(crc.hexadecimal), "
          + "\(block.crc.hexadecimal) is recorded", at: block.offset, tensor: name)
    }
  }

  func decode(
    _ block: Placement, of stream: Stream, _ name: String, into output: inout MutableRawSpan
  ) throws(FormatError) {
    try check(block, of: name)
    let file = file
    guard let encoding = BlockEncoding(rawValue: block.encoding) else {
      throw FormatError(
        .unsupported, "block has encoding \(block.encoding), 0 to 5 are known",
        at: block.offset, tensor: name)
    }
    do throws(FormatError) {
      try coder.decode(
        file.bytes.extracting(block.range), encoding, of: stream.elementType,
        columns: stream.panelColumns, into: &output)
    } catch {
      throw FormatError(error.code, error.reason, at: block.offset, tensor: name)
    }
  }
}
