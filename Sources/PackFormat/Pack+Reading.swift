public import Bytes
internal import Codecs
internal import Concurrency
internal import Kernels
internal import Tensors

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

  /// One stream of a tensor by its role, as `read(_:stream:)` gives it.
  ///
  /// - Precondition: the tensor is this pack's and has a stream of that role.
  public func read(_ tensor: PackedTensor, _ role: Stream.Role) throws(FormatError) -> Buffer {
    guard let index = tensor.streams.firstIndex(where: { $0.role == role.rawValue }) else {
      preconditionFailure("\(tensor.name) has no \(role)")
    }
    return try read(tensor, stream: index)
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

  /// A tensor with all its streams, to be written again; of an unknown codec too.
  ///
  /// - Precondition: the tensor is this pack's.
  public func encoded(_ tensor: PackedTensor) throws(FormatError) -> EncodedTensor {
    var index = 0
    return try tensor.mapParts { (stream) throws(FormatError) -> StreamContent in
      defer { index += 1 }
      return StreamContent(
        role: stream.role, elementType: stream.elementType,
        bytes: try read(tensor, stream: index))
    }
  }

  private func read(
    _ stream: Stream, _ blocks: [Placement], of name: String
  ) throws(FormatError) -> Buffer {
    if let range = inPlace(blocks, as: .raw) {
      try checkAll(blocks, of: stream, name)
      return Buffer(file, range)
    }
    return try Buffer(count: stream.size, chunk: stream.blockSize, on: pool) {
      [self] (index, output) throws(FormatError) in
      try decode(blocks[index], of: stream, name, into: &output)
    }
  }

  /// The codes of a grid as products take them (`CodePanels`), checked against their checksums: in
  /// place where they lie so, else decoded by all threads and put in order.
  ///
  /// - Precondition: the tensor is this pack's, a grid of I8.
  public func readPanels(_ tensor: PackedTensor) throws(FormatError) -> Buffer {
    guard let position = position(of: tensor.name), case .grid(let codes, _) = tensor.content else {
      preconditionFailure("no grid \(tensor.name)")
    }
    let blocks = index.placements[position][0]
    if let range = inPlace(blocks, as: .panels) {
      try checkAll(blocks, of: codes, tensor.name)
      return Buffer(file, range)
    }
    return try packedPanels(tensor, codes, blocks)
  }

  private func packedPanels(
    _ tensor: PackedTensor, _ stream: Stream, _ blocks: [Placement]
  ) throws(FormatError) -> Buffer {
    let (rows, columns) = (tensor.rows, tensor.columns)
    guard let count = CodePanels.byteCount(rows: rows, columns: columns) else {
      throw FormatError(.invalidField, "\(tensor.shape) overflows", tensor: tensor.name)
    }
    guard let chunk = stream.panelsSize(of: stream.blockSize) else {
      // A row is too long for a block to hold a panel.
      let codes = try read(tensor, .codes)
      return Buffer(count: count) { panels in
        CodePanels.pack(codes.bytes, rows: rows, columns: columns, into: &panels)
      }
    }
    return try Buffer(count: count, chunk: chunk, on: pool) {
      [self] (index, output) throws(FormatError) in
      let size = stream.range(ofBlock: index).count
      let codes = try Buffer(count: size) { (codes) throws(FormatError) in
        try decode(blocks[index], of: stream, tensor.name, into: &codes)
      }
      CodePanels.pack(codes.bytes, rows: size / columns, columns: columns, into: &output)
    }
  }

  /// The range of the file that the blocks fill when all are of that encoding, adjacent and
  /// aligned.
  private func inPlace(_ blocks: [Placement], as encoding: BlockEncoding) -> Range<Int>? {
    guard let first = blocks.first, let last = blocks.last,
      first.offset % PackWriter.streamAlignment == 0,
      blocks.allSatisfy({ $0.encoding == encoding.rawValue }),
      zip(blocks, blocks.dropFirst()).allSatisfy({ $0.range.upperBound == $1.offset })
    else { return nil }
    return first.offset..<last.range.upperBound
  }

  /// What must hold before blocks are used where they lie.
  private func checkAll(
    _ blocks: [Placement], of stream: Stream, _ name: String
  ) throws(FormatError) {
    let failures = FirstFailure()
    pool.run(blocks.count) { [self] index in
      do throws(FormatError) {
        try check(blocks[index], of: name)
        guard blocks[index].encoding == BlockEncoding.panels.rawValue,
          let columns = stream.panelColumns
        else { return }
        let rows = stream.range(ofBlock: index).count / columns
        let file = file
        do throws(FormatError) {
          try BlockCoder.check(
            panels: file.bytes.extracting(blocks[index].range), rows: rows,
            columns: columns)
        } catch {
          throw FormatError(
            error.code, error.reason, at: blocks[index].offset, tensor: name)
        }
      } catch { failures.record(error, at: index) }
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
