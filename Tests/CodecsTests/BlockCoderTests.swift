import Bytes
import Codecs
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("A block")
struct BlockCoderTests {
  let coder = BlockCoder()

  /// Sizes in bytes, whole elements or not, around zstd's own block of 128 KiB too.
  static let sizes = [1, 2, 3, 4, 5, 8, 17, 255, 256, 257, 4096, 65_535, 65_536, 131_072, 131_077]

  enum Kind: CaseIterable { case noise, constant, skewed, weights }

  private func bytes(_ kind: Kind, _ size: Int) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(size))
    switch kind {
    case .noise: return (0..<size).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    case .constant: return [UInt8](repeating: 0x3c, count: size)
    case .skewed: return (0..<size).map { _ in UInt8(random.next().leadingZeroBitCount) }
    case .weights:
      let floats = (0..<size / 4 + 1).map { _ in Float.random(in: -0.1...0.1, using: &random) }
      return Array(Buffer(littleEndian: floats).slice(0..<size).bytes.array)
    }
  }

  @Test(arguments: ElementType.allCases, Kind.allCases)
  func `comes back as it was, and never longer`(type: ElementType, kind: Kind) throws {
    for size in Self.sizes {
      let block = bytes(kind, size)
      let (encoding, stored) = unsafe coder.encode(block.span.bytes, of: type)
      #expect(stored.count < size || encoding == .raw && stored == block)
      #expect(try decode(stored, encoding, type, size) == block)
      #expect(unsafe coder.encode(block.span.bytes, of: type).bytes == stored)
    }
  }

  @Test func `of no bytes stays raw`() {
    for type in ElementType.allCases {
      let (encoding, stored) = unsafe coder.encode([UInt8]().span.bytes, of: type)
      #expect(encoding == .raw && stored.isEmpty)
    }
  }

  @Test(arguments: [ElementType.float32, .bfloat16, .float16])
  func `of weights is shorter in planes`(type: ElementType) {
    let floats = bytes(.weights, 1 << 16)
    // The upper halves of float32 are bfloat16, and coded like those of float16.
    let block = type == .float32 ? floats : floats.indices.filter { $0 % 4 > 1 }.map { floats[$0] }
    let (encoding, stored) = unsafe coder.encode(block.span.bytes, of: type)
    #expect(encoding == .planes)
    #expect(stored.count < block.count * 9 / 10)
  }

  @Test func `of codes costs hardly more than their entropy`() {
    let codes = bytes(.skewed, 1 << 16)
    let counts = Dictionary(grouping: codes) { $0 }.mapValues { Double($0.count) / 65_536 }
    // Σ −p·log₂ p of a geometric distribution is 2 bits.
    #expect(abs(counts[0]! - 0.5) < 0.01)
    let (encoding, stored) = unsafe coder.encode(codes.span.bytes, of: .int8)
    #expect(encoding == .rans)
    #expect(stored.count < 65_536 * 2 / 8 * 102 / 100)
  }

  private func path(_ count: Int, columns: Int) -> [UInt8] {
    var random = SplitMix64(seed: 3)
    return TrellisMachine.codes(count, columns: columns) {
      let bits = random.next()
      let k = bits.leadingZeroBitCount
      return bits & 1 == 0 ? k : -k
    }.map { UInt8(bitPattern: $0) }
  }

  @Test(arguments: [(1 << 16, 96), (1 << 16, 100), (5000, 7), (20_000, 10_000)])
  func `of a path through the trellis costs a bit less a code`(count: Int, columns: Int) throws {
    let codes = path(count, columns: columns)
    let (encoding, stored) = unsafe coder.encode(codes.span.bytes, of: .int8, columns: columns)
    #expect(encoding == .trellis)
    #expect(try decode(stored, encoding, .int8, count) == codes)
    // By itself, and as it would be in other columns, it is just codes.
    let plain = unsafe coder.encode(codes.span.bytes, of: .int8)
    #expect(plain.encoding != .trellis)
    let other = unsafe coder.encode(codes.span.bytes, of: .int8, columns: columns + 1)
    #expect(other.encoding == plain.encoding && other.bytes == plain.bytes)
    let saved = 8 * Double(plain.bytes.count - stored.count) / Double(count)
    #expect(columns == 10_000 ? saved > 0.4 : saved > 0.8)
    let wide = unsafe coder.encode(codes.span.bytes, of: .int16, columns: columns)
    #expect(wide.encoding != .trellis)
  }

  @Test func `of very few codes of a path takes what is shortest`() throws {
    for columns in [1, 3, 40] {
      for count in [1, 2, 40, 100, 200, 400, 1000] {
        let codes = path(count, columns: columns)
        let (encoding, stored) = unsafe coder.encode(
          codes.span.bytes, of: .int8, columns: columns)
        let plain = unsafe coder.encode(codes.span.bytes, of: .int8)
        #expect(stored.count <= plain.bytes.count)
        #expect(try decode(stored, encoding, .int8, count) == codes)
      }
    }
  }

  // MARK: What is not a block

  private func decode(
    _ stored: [UInt8], _ encoding: BlockEncoding, _ type: ElementType, _ size: Int
  ) throws(FormatError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: size)
    var span = output.mutableSpan
    var bytes = unsafe span.mutableBytes
    try unsafe coder.decode(stored.span.bytes, encoding, of: type, into: &bytes)
    return output
  }

  private func reason(
    _ stored: [UInt8], _ size: Int, _ encoding: BlockEncoding = .zstd, _ type: ElementType = .uint8
  ) -> String? {
    #expect(throws: FormatError.self) { try decode(stored, encoding, type, size) }?.description
  }

  private var frame: [UInt8] {
    unsafe coder.encode(bytes(.skewed, 1000).span.bytes, of: .uint8).bytes
  }

  @Test func `is refused when its frame has another size`() {
    #expect(reason(frame, 1001) == "zstd frame decodes to 1000 bytes, 1001 are needed")
    #expect(reason(frame, 999) == "zstd frame does not decode: destination buffer is too small")
  }

  @Test func `is refused when it is panels and its stream no codes of a matrix`() {
    #expect(
      reason([UInt8](repeating: 0, count: 128), 128, .panels, .int8)
        == "block of panels holds no codes of a matrix")
  }

  @Test func `is refused when anything follows its frame`() {
    let count = frame.count
    #expect(
      reason(frame + [0], 1000) == "zstd frame ends after \(count) bytes, 1 more follow")
    #expect(
      reason(frame + frame, 2000) == "zstd frame ends after \(count) bytes, \(count) more follow")
    #expect(
      reason(frame + [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], 1000)
        == "zstd frame ends after \(count) bytes, 8 more follow")
  }

  @Test func `is refused however its frame is cut off`() {
    for count in 0..<frame.count {
      #expect(reason(Array(frame[..<count]), 1000) != nil, "cut to \(count)")
    }
    #expect(
      reason(Array(frame.dropLast()), 1000)
        == "zstd frame does not decode: src size is incorrect")
  }

  @Test func `is refused when its frame lies about its size`() throws {
    // Byte 4 describes the header; of a frame of 1000 bytes, bytes 5 and 6 are the size less 256.
    for lie in [999, 1001, 1256, 65_791] {
      var frame = frame
      try #require(frame[4] >> 6 == 1 && Int(frame[5]) | Int(frame[6]) << 8 == 1000 - 256)
      frame[5] = UInt8(truncatingIfNeeded: lie - 256)
      frame[6] = UInt8((lie - 256) >> 8)
      #expect(reason(frame, 1000) != nil)
      #expect(reason(frame, lie) != nil)
    }
  }

  @Test func `never traps on a changed frame`() {
    let frame = frame
    for index in frame.indices {
      for change in 1...255 as ClosedRange<UInt8> {
        var bytes = frame
        bytes[index] ^= change
        _ = try? decode(bytes, .zstd, .uint8, 1000)
      }
    }
  }

  @Test func `is refused when it is raw and of another size`() {
    #expect(reason([1, 2, 3], 2, .raw) == "raw block is 3 bytes, 2 are needed")
  }

  @Test func `is refused when it is no path, or of another type`() throws {
    let codes = path(1000, columns: 8)
    let (_, stored) = unsafe coder.encode(codes.span.bytes, of: .int8, columns: 8)
    #expect(
      reason(stored, 1000, .trellis, .uint8)
        == "block holds codes of the trellis of U8, I8 can be")
    #expect(
      reason(stored, 1000, .trellis, .int16)
        == "block holds codes of the trellis of I16, I8 can be")
    #expect(
      reason(Array(stored.dropLast(2)), 1000, .trellis, .int8)
        == "trellis block does not decode: its words end before its codes do")
    #expect(
      reason([], 1000, .trellis, .int8)
        == "trellis block does not decode: its columns are none, or more than its codes")
  }

  @Test func `is refused when its type has no planes`() {
    #expect(reason(frame, 1000, .planes) == "block holds planes of U8, which has none")
    #expect(
      reason(frame, 1001, .planes, .float32) == "block holds planes of F32, which has none")
  }
}
