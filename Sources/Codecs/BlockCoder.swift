public import Bytes
internal import CZstd
internal import Concurrency
internal import Kernels
public import Tensors

/// Encodes and decodes blocks; any number of threads may use it at once.
///
/// The same block gives the same bytes at any time and on any thread. Another release of zstd may
/// encode it in other bytes that decode to the same.
public final class BlockCoder: Sendable {
  private let idle = Locked<[Contexts]>([])

  public init() {}

  /// Encodes one block of elements of one type: entropy-coded where that is shorter, else raw.
  ///
  /// Codes go through rANS, by way of the trellis where their columns are paths through it. Planes
  /// carry no repetitions worth looking for, so their zstd frames hold literals alone; other bytes
  /// are searched.
  ///
  /// - Parameter columns: of the matrix of codes that the block is a run of; `nil` for what is
  ///   none.
  public func encode(
    _ block: RawSpan, of type: ElementType, columns: Int? = nil
  ) -> (encoding: BlockEncoding, bytes: [UInt8]) {
    let contexts = borrow()
    defer { giveBack(contexts) }
    var encoding = BlockEncoding.zstd
    var compressed: [UInt8]?
    if let layout = type.planes, block.byteCount % layout.width == 0 {
      encoding = .planes
      var planes = [UInt8](repeating: 0, count: block.byteCount)
      var span = planes.mutableSpan
      var output = unsafe span.mutableBytes
      layout.split(block, into: &output)
      compressed = unsafe contexts.compressLiterals(
        planes.span.bytes, each: block.byteCount / layout.width)
    } else if type == .int8 || type == .int16 {
      (encoding, compressed) = contexts.compressCodes(block, type, columns)
    } else {
      compressed = contexts.compress(block)
    }
    guard let compressed, compressed.count < block.byteCount else {
      return (.raw, unsafe block.withUnsafeBytes { unsafe [UInt8]($0) })
    }
    return (encoding, compressed)
  }

  /// Decodes one block into exactly its decoded size.
  ///
  /// - Parameter columns: of the matrix of codes that may lie in panels; `nil` for what is none.
  /// - Throws: a clause saying what is wrong with the frame; nothing is said about `output` then.
  public func decode(
    _ stored: RawSpan, _ encoding: BlockEncoding, of type: ElementType, columns: Int? = nil,
    into output: inout MutableRawSpan
  ) throws(FormatError) {
    switch encoding {
    case .raw:
      guard stored.byteCount == output.byteCount else {
        throw FormatError(
          .inconsistent, "raw block is \(stored.byteCount) bytes, \(output.byteCount) are needed")
      }
      copy(stored, into: &output)
    case .zstd:
      try decompress(stored, into: &output)
    case .planes:
      guard let layout = type.planes, output.byteCount % layout.width == 0 else {
        throw FormatError(.inconsistent, "block holds planes of \(type.rawValue), which has none")
      }
      var planes = [UInt8](repeating: 0, count: output.byteCount)
      var span = planes.mutableSpan
      var bytes = unsafe span.mutableBytes
      try decompress(stored, into: &bytes)
      unsafe layout.merge(planes.span.bytes, into: &output)
    case .rans:
      try decodeCodes(stored, of: type, into: &output)
    case .trellis:
      guard type == .int8 else {
        throw FormatError(
          .inconsistent, "block holds codes of the trellis of \(type.rawValue), I8 can be")
      }
      if let fault = Trellis.decode(stored, into: &output) {
        throw FormatError(.invalidField, "trellis block does not decode: \(fault)")
      }
    case .panels:
      guard let columns else {
        throw FormatError(.inconsistent, "block of panels holds no codes of a matrix")
      }
      let rows = columns > 0 ? output.byteCount / columns : 0
      try Self.check(panels: stored, rows: rows, columns: columns)
      CodePanels.unpack(stored, rows: rows, columns: columns, into: &output)
    }
  }

  /// What must hold before panels are used where they lie.
  public static func check(panels: RawSpan, rows: Int, columns: Int) throws(FormatError) {
    guard columns > 0, panels.byteCount == CodePanels.byteCount(rows: rows, columns: columns) else {
      throw FormatError(
        .inconsistent,
        "block of panels is \(panels.byteCount) bytes for \(rows) rows of \(columns) codes")
    }
    guard CodePanels.isPaddingZero(panels, rows: rows, columns: columns) else {
      throw FormatError(.invalidField, "what pads panels is not zero")
    }
  }

  /// Specification: `Formats/clippack.md`, section 5.1.
  private func decodeCodes(
    _ stored: RawSpan, of type: ElementType, into output: inout MutableRawSpan
  ) throws(FormatError) {
    switch type {
    case .int8:
      try decodeRans(stored, into: &output)
    case .int16 where output.byteCount % 2 == 0:
      let bits = unsafe stored.byteCount > 0 ? Int(stored.unsafeLoad(as: UInt8.self)) : 9
      let count = output.byteCount / 2
      let start = 1 + LowBits.planeBytes(count: count, bits: bits)
      guard bits <= 8, start <= stored.byteCount else {
        throw FormatError(.invalidField, "rans block of \(stored.byteCount) bytes lacks low bits")
      }
      var high = [UInt8](repeating: 0, count: count)
      var span = high.mutableSpan
      var bytes = unsafe span.mutableBytes
      try decodeRans(stored.extracting(start..<stored.byteCount), into: &bytes)
      unsafe LowBits.merge(
        high: high.span.bytes, planes: stored.extracting(1..<start), bits: bits, into: &output)
    default:
      throw FormatError(
        .inconsistent, "block holds codes by rans of \(type.rawValue), I8 and I16 can be")
    }
  }

  private func decodeRans(
    _ stored: RawSpan, into output: inout MutableRawSpan
  ) throws(FormatError) {
    if let fault = Rans.decode(stored, into: &output) {
      throw FormatError(.invalidField, "rans block does not decode: \(fault)")
    }
  }

  private func decompress(
    _ frame: RawSpan, into output: inout MutableRawSpan
  ) throws(FormatError) {
    let contexts = borrow()
    defer { giveBack(contexts) }
    try contexts.decompress(frame, into: &output)
  }

  private func copy(_ bytes: RawSpan, into output: inout MutableRawSpan) {
    unsafe output.withUnsafeMutableBytes { output in
      unsafe bytes.withUnsafeBytes { unsafe output.copyMemory(from: $0) }
    }
  }

  private func borrow() -> Contexts { idle.withLock { $0.popLast() } ?? Contexts() }
  private func giveBack(_ contexts: Contexts) { idle.withLock { $0.append(contexts) } }
}

/// zstd's working memory for one thread at a time.
@safe private final class Contexts: @unchecked Sendable {
  private let compression: OpaquePointer
  private let decompression: OpaquePointer

  /// Enough for JSON and tokenizer files to come near zstd's best; they are a percent of a pack.
  private static let searchLevel: Int32 = 9

  /// The most that one block of a zstd frame may hold (RFC 8878, section 3.1.1.2.3).
  private static let frameBlock = 128 << 10

  init() {
    guard let compression = unsafe ZSTD_createCCtx(), let decompression = unsafe ZSTD_createDCtx()
    else { fatalError("out of memory") }
    unsafe self.compression = compression
    unsafe self.decompression = decompression
  }

  deinit {
    unsafe ZSTD_freeCCtx(compression)
    unsafe ZSTD_freeDCtx(decompression)
  }

  /// A frame made with zstd's search for repetitions.
  func compress(_ bytes: RawSpan) -> [UInt8]? {
    unsafe ZSTD_CCtx_reset(compression, ZSTD_reset_session_and_parameters)
    unsafe ZSTD_CCtx_setParameter(compression, ZSTD_c_compressionLevel, Self.searchLevel)
    return unsafe frame(of: bytes) { output, capacity, input, count in
      unsafe ZSTD_compress2(compression, output, capacity, input, count)
    }
  }

  /// Codes by rANS, or by zstd where that is shorter: where all are equal, and in small blocks,
  /// whose table and lanes take their share.
  func compressCodes(
    _ block: RawSpan, _ type: ElementType, _ columns: Int?
  ) -> (BlockEncoding, [UInt8]?) {
    var encoding = BlockEncoding.rans
    var rans: [UInt8]?
    if type == .int8, let columns, columns > 0, let path = Trellis.encode(block, columns: columns) {
      (encoding, rans) = (.trellis, path)
      // Codes that are a path by chance are few, or hardly differ.
      if block.byteCount < 1 << 14, let plain = Rans.encode(block), plain.count <= path.count {
        (encoding, rans) = (.rans, plain)
      }
    } else {
      rans = type == .int8 ? Rans.encode(block) : wideRans(block)
    }
    if let rans, block.byteCount >= 1 << 14 { return (encoding, rans) }
    let zstd = compressLiterals(block, each: block.byteCount)
    guard let rans, rans.count < zstd?.count ?? .max else { return (.zstd, zstd) }
    return (encoding, rans)
  }

  private func wideRans(_ block: RawSpan) -> [UInt8]? {
    guard block.byteCount % 2 == 0 else { return nil }
    var reach = 0
    for start in stride(from: 0, to: block.byteCount, by: 2) {
      let code = unsafe block.unsafeLoadUnaligned(fromByteOffset: start, as: Int16.self)
      reach |= Int(code < 0 ? ~code : code)
    }
    var bits = 0
    while reach >> bits > 127 { bits += 1 }
    let (high, planes) = LowBits.split(block, bits: bits)
    return unsafe Rans.encode(high.span.bytes).map { [UInt8(bits)] + planes + $0 }
  }

  /// A frame of Huffman-coded literals without any search.
  ///
  /// - Parameter part: where the statistics change: no block of the frame crosses a multiple of it.
  func compressLiterals(_ bytes: RawSpan, each part: Int) -> [UInt8]? {
    guard bytes.byteCount > 0 else { return nil }
    var blocks: [ZSTD_Sequence] = []
    for start in stride(from: 0, to: bytes.byteCount, by: part) {
      let end = min(start + part, bytes.byteCount)
      for block in stride(from: start, to: end, by: Self.frameBlock) {
        let literals = min(Self.frameBlock, end - block)
        blocks.append(
          ZSTD_Sequence(offset: 0, litLength: UInt32(literals), matchLength: 0, rep: 0))
      }
    }
    unsafe ZSTD_CCtx_reset(compression, ZSTD_reset_session_and_parameters)
    // ZSTD_c_blockDelimiters, a macro of zstd's header that Swift does not see.
    unsafe ZSTD_CCtx_setParameter(
      compression, ZSTD_c_experimentalParam11, Int32(ZSTD_sf_explicitBlockDelimiters.rawValue))
    return unsafe frame(of: bytes) { output, capacity, input, count in
      unsafe ZSTD_compressSequences(
        compression, output, capacity, blocks, blocks.count, input, count)
    }
  }

  private func frame(
    of bytes: RawSpan,
    by compress: (UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int) -> Int
  ) -> [UInt8]? {
    unsafe bytes.withUnsafeBytes { input in
      var failed = false
      let output = unsafe [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(input.count)) {
        output, written in
        let size = unsafe compress(
          output.baseAddress, output.count, input.baseAddress, input.count)
        failed = ZSTD_isError(size) != 0
        written = failed ? 0 : size
      }
      return failed ? nil : output
    }
  }

  func decompress(_ frame: RawSpan, into output: inout MutableRawSpan) throws(FormatError) {
    let wanted = output.byteCount
    // zstd itself would go on to a second frame, and over skippable ones.
    let frameSize = unsafe frame.withUnsafeBytes {
      unsafe ZSTD_findFrameCompressedSize($0.baseAddress, $0.count)
    }
    guard ZSTD_isError(frameSize) != 0 || frameSize == frame.byteCount else {
      throw FormatError(
        .inconsistent,
        "zstd frame ends after \(frameSize) bytes, \(frame.byteCount - frameSize) more follow")
    }
    let size = unsafe output.withUnsafeMutableBytes { output in
      unsafe frame.withUnsafeBytes { frame in
        unsafe ZSTD_decompressDCtx(
          decompression, output.baseAddress, output.count, frame.baseAddress, frame.count)
      }
    }
    guard ZSTD_isError(size) == 0 else {
      let reason = unsafe String(cString: ZSTD_getErrorName(size))
      throw FormatError(.invalidField, "zstd frame does not decode: \(reason.lowercased())")
    }
    guard size == wanted else {
      throw FormatError(
        .inconsistent, "zstd frame decodes to \(size) bytes, \(wanted) are needed")
    }
  }
}
