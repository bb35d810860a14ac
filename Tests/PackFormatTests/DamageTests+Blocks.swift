import Bytes
import Tensors

extension DamageTests {
  /// Rule 8, placements. Blocks of the example: 0 the recipe, 1 the codes, 2 the steps.
  static let placements = [
    Damage(
      "a placement too few", .truncated, "encoding takes 1 bytes, 0 are left (byte 0x21a)",
      sealing: false
    ) {
      $0.bytes.removeLast(24)
      $0.resize()
    },
    Damage(
      "a placement too many", .inconsistent,
      "index goes on for 24 bytes after its last block (byte 0x232)", sealing: false
    ) {
      $0.bytes += [UInt8](repeating: 0, count: 24)
      $0.resize()
    },
    Damage(
      "a block in the preamble", .invalidField,
      """
      block of 2 bytes at 159 does not lie between byte 160, where the one before it \
      ends, and the index at 328 (byte 0x1ea)
      """
    ) {
      $0.put(159 as UInt64, at: $0.placement(0) + 8)
    },
    Damage(
      "a block in the one before it", .invalidField,
      """
      block of 8 bytes at 261 does not lie between byte 262, where the one before it \
      ends, and the index at 328 (byte 0x21a)
      """
    ) {
      $0.put(UInt64($0.read(UInt64.self, at: $0.placement(1) + 8) + 5), at: $0.placement(2) + 8)
    },
    Damage(
      "a block in the index", .invalidField,
      """
      block of 8 bytes at 321 does not lie between byte 262, where the one before it \
      ends, and the index at 328 (byte 0x21a)
      """
    ) {
      $0.put(UInt64($0.indexOffset - 7), at: $0.placement(2) + 8)
    },
    Damage(
      "a block whose end overflows", .invalidField,
      """
      block of 8 bytes at 18446744073709551608 does not lie between byte 262, where \
      the one before it ends, and the index at 328 (byte 0x21a)
      """
    ) {
      $0.put(UInt64.max - 7, at: $0.placement(2) + 8)
    },
    Damage(
      "a block of 2⁶⁴-1 bytes", .invalidField,
      """
      block of 18446744073709551615 bytes at 320 does not lie between byte 262, where \
      the one before it ends, and the index at 328 (byte 0x21a)
      """
    ) {
      $0.put(UInt64.max, at: $0.placement(2) + 16)
    },
    Damage(
      "a raw block of another size", .inconsistent,
      "raw block is 7 bytes, 8 are needed (byte 0x21a)"
    ) {
      $0.put(7 as UInt64, at: $0.placement(2) + 16)
    },
    Damage(
      "panels of another size", .inconsistent,
      "block of panels is 6 bytes, 128 are needed (byte 0x202)"
    ) {
      $0.bytes[$0.placement(1)] = 5
    },
    Damage(
      "panels of what has none", .inconsistent,
      "block of panels is 8 bytes, its stream cannot lie in panels (byte 0x21a)"
    ) {
      $0.bytes[$0.placement(2)] = 5
    },
    Damage(
      "an encoded block of no bytes", .inconsistent,
      "encoded block is 0 bytes, 1 to 7 are allowed (byte 0x21a)"
    ) {
      $0.bytes[$0.placement(2)] = 1
      $0.put(0 as UInt64, at: $0.placement(2) + 16)
    },
    Damage(
      "an encoded block as long as decoded", .inconsistent,
      "encoded block is 8 bytes, 1 to 7 are allowed (byte 0x21a)"
    ) {
      $0.bytes[$0.placement(2)] = 2
    },
    Damage(
      "reserved bytes of a placement", .invalidField, "reserved bytes are not zero (byte 0x21b)"
    ) {
      $0.bytes[$0.placement(2) + 3] = 1
    },
  ]

  /// Something to code: the first block holds 400 bytes.
  static let text = Sample(parts: [.section("text", skewed(400), isRequired: false)])
  static let halves = Sample(parts: [
    .plain("x", .float16, [200], skewed(400)), .section("y", skewed(400), isRequired: false),
  ])

  /// One block of codes that are a path through the trellis.
  static let path = Sample(parts: [.trellis("w", rows: 40, columns: 32)])

  /// Rules 9 to 11, found when a block is used or the file validated.
  static let blocks = [
    Damage(
      "a changed byte of a block", .checksum,
      """
      tensor "w": block of 6 bytes has checksum 0xc728895e, 0xc745afb is recorded \
      (byte 0x100)
      """, sealing: false
    ) {
      $0.bytes[$0.read(UInt64.self, at: $0.placement(1) + 8)] ^= 1
    },
    Damage(
      "an unknown encoding", .unsupported,
      "tensor \"w\": block has encoding 6, 0 to 5 are known (byte 0x100)"
    ) { $0.bytes[$0.placement(1)] = 6 },
    Damage(
      "what is no frame", .invalidField,
      """
      tensor "text": zstd frame does not decode: src size is incorrect (byte 0xa0)
      """, of: text
    ) {
      $0.store(Array("abcdefgh".utf8), asBlock: 0)
    },
    Damage(
      "a frame cut short", .invalidField,
      """
      tensor "text": zstd frame does not decode: src size is incorrect (byte 0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame(skewed(400)).dropLast(), asBlock: 0)
    },
    Damage(
      "a frame of fewer bytes", .inconsistent,
      """
      tensor "text": zstd frame decodes to 399 bytes, 400 are needed (byte 0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame([UInt8](repeating: 7, count: 399)), asBlock: 0)
    },
    Damage(
      "a frame of more bytes", .invalidField,
      """
      tensor "text": zstd frame does not decode: destination buffer is too small (byte \
      0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame([UInt8](repeating: 7, count: 401)), asBlock: 0)
    },
    Damage(
      "a frame of very many bytes", .invalidField,
      """
      tensor "text": zstd frame does not decode: destination buffer is too small (byte \
      0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame([UInt8](repeating: 7, count: 1 << 20)), asBlock: 0)
    },
    Damage(
      "two frames", .inconsistent,
      """
      tensor "text": zstd frame ends after 18 bytes, 18 more follow (byte 0xa0)
      """, of: text
    ) {
      let half = Forgery.frame([UInt8](repeating: 7, count: 200))
      $0.store(half + half, asBlock: 0)
    },
    Damage(
      "a frame and a skippable one", .inconsistent,
      """
      tensor "text": zstd frame ends after 19 bytes, 8 more follow (byte 0xa0)
      """, of: text
    ) {
      $0.store(
        Forgery.frame([UInt8](repeating: 7, count: 400)) + [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0],
        asBlock: 0)
    },
    Damage(
      "a frame and a byte more", .inconsistent,
      """
      tensor "text": zstd frame ends after 19 bytes, 1 more follow (byte 0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame([UInt8](repeating: 7, count: 400)) + [0], asBlock: 0)
    },
    Damage(
      "a sound frame of other bytes", .checksum,
      """
      tensor "text": block decodes to digest \
      e1e3a9bfd0dc531903d4251fdc4c6da51f9fa5254d5061dc3baf02a15e10906c, \
      c5670eaffe06ac05a940acd008f9ca9d6188cdc00fb0e76b78d481172cdc9cac is recorded \
      (byte 0xa0)
      """, of: text
    ) {
      $0.store(Forgery.frame([UInt8](repeating: 7, count: 400)), asBlock: 0)
    },
    Damage(
      "planes of bytes", .inconsistent,
      "tensor \"y\": block holds planes of U8, which has none (byte 0x12b)", of: halves
    ) { $0.bytes[$0.placement(1)] = 2 },
    Damage(
      "planes that were meant as bytes", .checksum,
      """
      tensor "x": block decodes to digest \
      dfa4f11ed9cc61ddf8ba67a5078dc80ac2dc91fe60c8b53087e850e76c09d841, \
      c5670eaffe06ac05a940acd008f9ca9d6188cdc00fb0e76b78d481172cdc9cac is recorded \
      (byte 0xa0)
      """, of: halves
    ) {
      $0.bytes[$0.placement(0)] = 1
    },
    Damage(
      "a path of bytes", .inconsistent,
      "tensor \"text\": block holds codes of the trellis of U8, I8 can be (byte 0xa0)", of: text
    ) { $0.bytes[$0.placement(0)] = 4 },
    Damage(
      "codes that were meant as a path", .invalidField,
      """
      tensor "w": rans block does not decode: its frequencies are no table that adds up to 4096 \
      (byte 0xa0)
      """, of: path
    ) {
      $0.bytes[$0.placement(0)] = 3
    },
    Damage(
      "a path in no columns", .invalidField,
      """
      tensor "w": trellis block does not decode: its columns are none, or more than its codes \
      (byte 0xa0)
      """, of: path
    ) {
      $0.change(block: 0) { $0[0] = 0 }
    },
    Damage(
      "a path that ends elsewhere", .invalidField,
      """
      tensor "w": trellis block does not decode: its words or its lanes do not end where its codes \
      do (byte 0xa0)
      """, of: path
    ) {
      // The last word is the last one to be read.
      $0.change(block: 0) { $0[$0.count - 1] ^= 1 }
    },
    Damage(
      "a path whose table lacks a slot", .invalidField,
      """
      tensor "w": trellis block does not decode: its frequencies are no tables of codes within \
      ±127 that add up to 4096 (byte 0xa0)
      """, of: path
    ) {
      $0.change(block: 0) { $0[6] ^= 1 }
    },
    Damage(
      "a path cut short", .invalidField,
      """
      tensor "w": trellis block does not decode: its words end before its codes do (byte 0xa0)
      """, of: path
    ) {
      $0.change(block: 0) { $0.removeLast(2) }
    },
    Damage(
      "a wrong digest", .checksum,
      """
      tensor "w": block decodes to digest \
      fa7057246927730cc79ea5179c3615b26abce3f82effa6de0586920fbea40892, \
      fb7057246927730cc79ea5179c3615b26abce3f82effa6de0586920fbea40892 is recorded \
      (byte 0x100)
      """
    ) { $0.bytes[$0.streams("w", rank: 2) + 10] ^= 1 },
    Damage("padding that is not zero", .invalidField, "padding is not zero (byte 0xff)") {
      $0.bytes[$0.read(UInt64.self, at: $0.placement(1) + 8) - 1] = 1
    },
    Damage(
      "padding before the index that is not zero", .invalidField,
      "padding is not zero (byte 0x148)", sealing: false
    ) {
      let place = $0.indexOffset
      $0.bytes.insert(9, at: place)
      $0.put(UInt64(place + 1), at: 24)
      $0.resize()
    },
    Damage(
      "much padding", .invalidField,
      """
      16384 bytes belong to no block, at most 16383 of padding are allowed (byte \
      0x148)
      """, sealing: false
    ) {
      let place = $0.indexOffset
      $0.bytes.insert(contentsOf: [UInt8](repeating: 0, count: 16_384), at: place)
      $0.put(UInt64(place + 16_384), at: 24)
      $0.resize()
    },
  ]
}
