import Images
import Testing

/// What a WebP file can say that no picture comes of.
@Suite struct WebPTests {
  private static func refusal(_ bytes: [UInt8]) -> String? {
    let error = #expect(throws: (any Error).self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    return error.map { "\($0)" }
  }

  private static func replacing(
    _ bytes: [UInt8], at place: Int, with new: [UInt8]
  ) -> [UInt8] {
    Array(bytes[..<place]) + new + bytes[(place + new.count)...]
  }

  @Test(arguments: ["lossy-80.webp", "lossless.webp", "lossy-alpha.webp", "animated.webp"])
  func `a file that ends early is refused wherever it ends`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    for count in stride(from: 12, to: bytes.count, by: 11) {
      #expect(
        Self.refusal(Array(bytes[..<count])) == "WebP: the file ends before the picture",
        "\(count) of \(bytes.count)")
    }
  }

  @Test func `what no decoder reads is refused`() throws {
    let lossy = try ImageFixture.bytes("lossy-80.webp")
    // The code that begins a key frame.
    #expect(
      Self.refusal(Self.replacing(lossy, at: 23, with: [0]))
        == "WebP: the compressed data are damaged")
    let lossless = try ImageFixture.bytes("lossless.webp")
    #expect(
      Self.refusal(Self.replacing(lossless, at: 20, with: [0]))
        == "WebP: the compressed data are damaged")
  }

  /// Behind `VP8X`, its length and its flags: width and height less one.
  private static let canvas = 24

  @Test func `a canvas that is smaller than its frame, or larger than memory, is refused`() throws {
    let placed = try ImageFixture.bytes("placed.webp")
    #expect(
      Self.refusal(Self.replacing(placed, at: Self.canvas, with: [4, 0, 0, 4, 0, 0]))
        == "WebP: the chunks of the file are no WebP")
    // 12,000 × 12,000
    let large: [UInt8] = [0xdf, 0x2e, 0, 0xdf, 0x2e, 0]
    #expect(
      Self.refusal(Self.replacing(placed, at: Self.canvas, with: large))
        == "WebP: the picture takes more memory than 48 megapixels of a photo, or 24 that are "
        + "compressed without loss")
    // 16,384 × 16,384, more than any picture may have.
    let larger: [UInt8] = [0xff, 0x3f, 0, 0xff, 0x3f, 0]
    #expect(
      Self.refusal(Self.replacing(placed, at: Self.canvas, with: larger))
        == "picture is 16384 × 16384 pixels, at most 178956970 in all are allowed")
  }

  @Test func `no changed byte does more than change pixels or be refused`() throws {
    let bytes = try ImageFixture.bytes("animated.webp")
    var read = 0
    for place in stride(from: 12, to: bytes.count, by: 5) {
      for flip: UInt8 in [0x01, 0x80] {
        let changed = Self.replacing(bytes, at: place, with: [bytes[place] ^ flip])
        if let picture = try? Picture(decoding: ImageFixture.buffer(changed)) {
          read += 1
          #expect(picture.levels.count == 3 * picture.width * picture.height)
        }
      }
    }
    #expect(read > 0)
  }
}
