import Bytes
import Images
import Testing

/// What a PNG file can say that no picture comes of.
@Suite struct PNGTests {
  /// A signature and chunks with right checksums.
  private static func file(_ chunks: [(String, [UInt8])]) -> [UInt8] {
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
      + chunks.flatMap { kind, body in
        let data = Array(kind.utf8) + body
        return bigEndian(body.count) + data + bigEndian(Int(ImageFixture.crc(data)))
      }
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func header(
    _ width: Int, _ height: Int, depth: UInt8 = 8, color: UInt8 = 0, interlace: UInt8 = 0
  ) -> (String, [UInt8]) {
    ("IHDR", bigEndian(width) + bigEndian(height) + [depth, color, 0, 0, interlace])
  }

  /// A zlib stream that stores the bytes.
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    let sums = bytes.reduce((a: 1, b: 0)) { sums, byte in
      let a = (sums.a + Int(byte)) % 65521
      return (a, (sums.b + a) % 65521)
    }
    let (low, high) = (UInt8(bytes.count & 255), UInt8(bytes.count >> 8))
    return [0x78, 0x01, 1, low, high, ~low, ~high] + bytes + bigEndian(sums.b << 16 | sums.a)
  }

  private static let end = ("IEND", [UInt8]())

  @Test(arguments: [
    (
      [header(100_000, 100_000)],
      "picture is 100000 × 100000 pixels, at most 178956970 in all are allowed"
    ),
    (
      [header(2_147_483_647, 2_147_483_647)],
      "picture is 2147483647 × 2147483647 pixels, at most 178956970 in all are allowed"
    ),
    (
      [header(1_000_001, 1)],
      "picture is 1000001 × 1 pixels, at most 1000000 along an edge are allowed"
    ),
    (
      [header(10_000, 10_000)],
      "picture of 10000 × 10000 pixels takes at least 96899 bytes, the file has 58"
    ),
    (
      [header(0, 1)],
      "PNG: IHDR has 0 × 1 pixels, bit depth 8, color type 0, compression 0, filter 0, interlace "
        + "0, which is no PNG"
    ),
    (
      [header(1, 1, depth: 3)],
      "PNG: IHDR has 1 × 1 pixels, bit depth 3, color type 0, compression 0, filter 0, interlace "
        + "0, which is no PNG"
    ),
    ([header(1, 1, color: 3)], "PNG: IDAT: Missing PLTE before IDAT"),
    ([header(1, 1), ("CRIT", [])], "PNG: CRIT: unhandled critical chunk"),
  ])
  func `a header that promises what cannot be is refused`(
    chunks: [(String, [UInt8])], message: String
  ) {
    let bytes = Self.file(chunks + [("IDAT", Self.stored([0, 7]))])
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(error?.description == message)
  }

  @Test func `a hand-made file decodes`() throws {
    let bytes = Self.file([Self.header(1, 1), ("IDAT", Self.stored([0, 7])), Self.end])
    #expect(try Picture(decoding: ImageFixture.buffer(bytes)).levels == [7, 7, 7])
  }

  @Test func `pixels that go on behind the last row are refused`() throws {
    let more = ("IDAT", [UInt8](repeating: 0, count: 70_000))
    let bytes = Self.file([Self.header(1, 1), ("IDAT", Self.stored([0, 7])), more, Self.end])
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(error?.description == "PNG: IDAT goes on behind the last row of pixels")
  }

  @Test func `checksums of the pixels are checked`() throws {
    var data = Self.stored([0, 7])
    data[data.count - 1] ^= 1
    let bytes = Self.file([Self.header(1, 1), ("IDAT", data), Self.end])
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(error == FormatError(.checksum, "PNG: IDAT: incorrect data check"))
  }

  @Test(arguments: ["tEXt", "tRNS", "zTXt"])
  func `a wrong checksum is refused before the pixels`(kind: String) {
    var bytes = Self.file([
      Self.header(1, 1), (kind, [0, 7]), ("IDAT", Self.stored([0, 7])), Self.end,
    ])
    bytes[8 + 25 + 8 + 2] ^= 1
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(error == FormatError(.checksum, "PNG: \(kind): CRC error"))
  }

  @Test func `a damaged text after the pixels changes nothing`() throws {
    var bytes = Self.file([
      Self.header(1, 1), ("IDAT", Self.stored([0, 7])), ("tEXt", [65, 0, 66]), Self.end,
    ])
    bytes[bytes.count - 13] ^= 1
    #expect(try Picture(decoding: ImageFixture.buffer(bytes)).levels == [7, 7, 7])
  }

  @Test(arguments: ["rgba-8-interlaced.png", "palette-4-alphas.png", "grey-16.png", "gamma.png"])
  func `every truncation is refused that takes pixels`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    let whole = try Picture(decoding: ImageFixture.buffer(bytes)).levels
    for count in 0..<bytes.count - Self.endSize {
      #expect(throws: FormatError.self, "\(count) of \(bytes.count) bytes") {
        try Picture(decoding: ImageFixture.buffer(Array(bytes[..<count])))
      }
    }
    // What comes after the pixels Pillow does not miss.
    for count in bytes.count - Self.endSize..<bytes.count {
      #expect(
        try Picture(decoding: ImageFixture.buffer(Array(bytes[..<count]))).levels == whole,
        "\(count) of \(bytes.count) bytes")
    }
  }

  /// Of the chunk IEND, the last of a file.
  private static let endSize = 12

  /// Every bit but those of texts is under a checksum.
  @Test(arguments: ["rgba-8-interlaced.png", "palette-4-alphas.png", "grey-16.png"])
  func `every single-byte change is refused or changes no pixel`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    let whole = try Picture(decoding: ImageFixture.buffer(bytes)).levels
    for offset in bytes.indices {
      for change: UInt8 in [1, 0x80, 0xff] {
        var changed = bytes
        changed[offset] ^= change
        if offset >= bytes.count - Self.endSize {
          let found = try? Picture(decoding: ImageFixture.buffer(changed)).levels
          #expect(found == nil || found == whole, "byte \(offset) ^ \(change)")
          continue
        }
        #expect(throws: FormatError.self, "byte \(offset) ^ \(change)") {
          try Picture(decoding: ImageFixture.buffer(changed))
        }
      }
    }
  }

  /// With the checksums put right, libpng sees the damage itself.
  @Test(arguments: ["rgba-8-interlaced.png", "palette-4-alphas.png", "rgb-16-key.png"])
  func `changes under right checksums decode or are refused`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    var outcomes = (decoded: 0, refused: 0)
    for offset in 16..<bytes.count {
      for change: UInt8 in [1, 0xff] {
        var changed = bytes
        changed[offset] ^= change
        Self.mend(&changed)
        do {
          _ = try Picture(decoding: ImageFixture.buffer(changed))
          outcomes.decoded += 1
        } catch { outcomes.refused += 1 }
      }
    }
    #expect(outcomes.decoded > 0 && outcomes.refused > 0)
  }

  private static func mend(_ bytes: inout [UInt8]) {
    var position = 8
    while position + 12 <= bytes.count {
      let count = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      guard position + 12 + count <= bytes.count else { return }
      let end = position + 8 + count
      bytes.replaceSubrange(
        end..<end + 4, with: bigEndian(Int(ImageFixture.crc(bytes[position + 4..<end]))))
      position = end + 4
    }
  }
}
