import Bytes
import Images
import Testing

/// What a JPEG file can say that no picture comes of, and files of neither kind.
@Suite struct JPEGTests {
  /// Where the frame header's precision stands; height, width and the number of components follow.
  private static func frame(in bytes: [UInt8]) throws -> Int {
    try #require(
      bytes.indices.dropLast(9).first {
        bytes[$0] == 0xff && [0xc0, 0xc2].contains(bytes[$0 + 1])
      }) + 4
  }

  private static func changed(
    _ name: String, _ change: (inout [UInt8], _ frame: Int) -> Void
  ) throws -> Buffer {
    var bytes = try ImageFixture.bytes(name)
    change(&bytes, try frame(in: bytes))
    return ImageFixture.buffer(bytes)
  }

  @Test func `a header that promises what cannot be is refused`() throws {
    let cases: [(Buffer, String)] = [
      (
        try Self.changed("grey.jpg") { bytes, frame in
          bytes.replaceSubrange(frame + 1..<frame + 5, with: [0xff, 0xdc, 0xff, 0xdc])
        }, "picture is 65500 × 65500 pixels, at most 178956970 in all are allowed"
      ),
      (
        try Self.changed("progressive.jpg") { bytes, frame in
          bytes.replaceSubrange(frame + 1..<frame + 5, with: [0x30, 0, 0x30, 0])
        }, "picture of 12288 × 12288 pixels takes at least 442368 bytes, the file has"
      ),
      (
        try Self.changed("grey.jpg") { bytes, frame in bytes[frame] = 12 },
        "JPEG: unsupported JPEG data precision 12"
      ),
      (
        try Self.changed("grey.jpg") { bytes, frame in bytes[frame + 2] = 0 },
        "JPEG: empty JPEG image (DNL not supported)"
      ),
      (
        try Self.changed("grey.jpg") { bytes, frame in bytes[frame - 3] = 0xc3 },
        "JPEG: unsupported JPEG process: SOF type 0xc3"
      ),
      (
        ImageFixture.buffer([0xff, 0xd8, 0xff]), "JPEG: the file ends before the picture"
      ),
    ]
    for (file, message) in cases {
      let error = #expect(throws: FormatError.self, "\(message)") {
        try Picture(decoding: file)
      }
      #expect(error?.description.hasPrefix(message) == true, "\(String(describing: error))")
    }
  }

  /// Pillow accepts a file whose last bytes are missing when they hold no pixels: the end marker.
  @Test(arguments: ["baseline-420.jpg", "progressive.jpg", "restarts.jpg", "cmyk.jpg", "grey.jpg"])
  func `truncations are refused until every pixel is there`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    let whole = try Picture(decoding: ImageFixture.buffer(bytes))
    for count in 0..<bytes.count {
      let part = try? Picture(decoding: ImageFixture.buffer(Array(bytes[..<count])))
      #expect(part == nil || (part == whole && count >= bytes.count - 4), "\(count) bytes")
    }
  }

  @Test(arguments: ["baseline-420.jpg", "progressive.jpg", "restarts.jpg", "ycck.jpg"])
  func `every single-byte change decodes or is refused`(name: String) throws {
    let bytes = try ImageFixture.bytes(name)
    var outcomes = (decoded: 0, refused: 0)
    for offset in bytes.indices {
      for change: UInt8 in [1, 0x80, 0xff] {
        var changed = bytes
        changed[offset] ^= change
        do {
          _ = try Picture(decoding: ImageFixture.buffer(changed))
          outcomes.decoded += 1
        } catch { outcomes.refused += 1 }
      }
    }
    #expect(outcomes.decoded > 0 && outcomes.refused > 0)
  }

  @Test func `what would take much memory in several scans is refused`() throws {
    var bytes = try ImageFixture.bytes("grey-progressive.jpg")
    let frame = try #require(
      bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc2 })
    // 13,000 in both extents.
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x32, 0xc8, 0x32, 0xc8])
    // As many bytes as so many pixels take at least.
    bytes += [UInt8](repeating: 0, count: 400_000)
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(
      error?.reason
        == "JPEG: several scans of 13000 × 13000 pixels take 338000000 bytes, at most 192000000 "
        + "are allowed; one scan would do")
  }

  @Test func `a file of a thousand scans is refused`() throws {
    let bytes = try ImageFixture.bytes("grey-progressive.jpg")
    // The second scan, over and over: each may stand where it does once.
    let starts = bytes.indices.dropLast().filter { bytes[$0] == 0xff && bytes[$0 + 1] == 0xda }
    let scan = bytes[starts[1]..<starts[2]]
    let many = bytes[..<starts[1]] + (0..<1000).flatMap { _ in scan } + bytes[starts[1]...]
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(Array(many)))
    }
    #expect(error == FormatError(.invalidField, "JPEG: more than 500 scans over 50 × 37 pixels"))
  }

  @Test(arguments: [
    ("GIF89a", "is GIF"), ("BM\0\0", "is BMP"),
    ("II*\0", "is TIFF"), ("MM\0*", "is TIFF"), ("\0\0\0\u{1c}ftypavif", "is AVIF"),
    ("\0\0\0\u{18}ftypheic", "is HEIC"), ("\0\0\0\u{c}JXL ", "is JPEG XL"),
    ("%PDF-1.7", "is PDF"), ("{\n \"a\": 1}", "is text"), ("\u{1}ab", "begins with 01 61 62"),
  ])
  func `other kinds of files are named`(text: String, found: String) {
    let bytes = Array(text.utf8)
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer(bytes))
    }
    #expect(
      error?.description
        == "picture is not a PNG, JPEG or WebP: it \(found) (byte 0x0)"
    )
  }

  @Test func `an empty file is refused`() {
    let error = #expect(throws: FormatError.self) {
      try Picture(decoding: ImageFixture.buffer([]))
    }
    #expect(error?.description == "file is empty, a PNG, JPEG or WebP picture is needed")
  }
}
