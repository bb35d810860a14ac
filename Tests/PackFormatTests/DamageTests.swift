import Bytes
import Codecs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import PackFormat

/// One damaged pack, and the whole message that its reader must give.
struct Damage: Sendable, CustomTestStringConvertible {
  var what: String
  var code: FormatError.Code
  var message: String
  var sample = Sample.example
  var forge: @Sendable (inout Forgery) -> Void
  var testDescription: String { what }

  /// - Parameter forge: damages the file; checksums are made right again unless it is said.
  init(
    _ what: String, _ code: FormatError.Code, _ message: String, of sample: Sample = .example,
    sealing: Bool = true, _ forge: @escaping @Sendable (inout Forgery) -> Void
  ) {
    self.what = what
    self.code = code
    self.message = message
    self.sample = sample
    self.forge = {
      forge(&$0)
      if sealing { $0.seal() }
    }
  }

  /// Something wrong in the preamble, whose checksum is right.
  static func preamble(
    _ what: String, _ code: FormatError.Code, _ message: String,
    _ forge: @escaping @Sendable (inout Forgery) -> Void
  ) -> Damage {
    Damage(what, code, message, sealing: false) {
      forge(&$0)
      $0.sealPreamble()
    }
  }

  /// One more item in a manifest.
  static func item(
    _ what: String, _ code: FormatError.Code, _ message: String, _ item: [UInt8],
    inManifest manifest: Int = 0
  ) -> Damage {
    Damage(what, code, message, sealing: false) { $0.append(item, toManifest: manifest) }
  }
}

/// Everything that section 8 of the specification says a reader must refuse, rule by rule.
@Suite("A damaged pack")
struct DamageTests {
  /// Rules 1 to 5, the frame of the file.
  static let frame = [
    Damage("an empty file", .truncated, "file is 0 bytes, a pack has at least 160", sealing: false)
    { $0.bytes = [] },
    Damage("159 bytes", .truncated, "file is 159 bytes, a pack has at least 160", sealing: false) {
      $0.bytes.removeSubrange(159...)
    },
    Damage(
      "one byte too few", .truncated, "file is 561 bytes, file_size says 562 (byte 0x10)",
      sealing: false
    ) { $0.bytes.removeLast() },
    Damage(
      "one byte too many", .truncated, "file is 563 bytes, file_size says 562 (byte 0x10)",
      sealing: false
    ) { $0.bytes.append(0) },
    .preamble(
      "line ends changed", .invalidField,
      """
      file begins with 89 43 4c 49 50 0a 0a 1a, a pack with 89 43 4c 49 50 0d 0a 1a \
      (byte 0x0)
      """
    ) { $0.bytes[5] = 0x0a },
    .preamble(
      "the next major_version", .unsupported, "major_version is 2, this program reads 1 (byte 0x8)"
    ) { $0.put(2 as UInt16, at: 8) },
    Damage(
      "a wrong preamble_crc", .checksum,
      """
      preamble has checksum 0xb7fbdf89, 0xb7fbdf88 is recorded (byte 0x0)
      """, sealing: false
    ) { $0.bytes[156] ^= 1 },
    .preamble(
      "an unknown required feature", .unsupported,
      """
      required_features is 0x80000000, this program knows none: a newer clip-pack is \
      needed (byte 0xc)
      """
    ) {
      $0.put(0x8000_0000 as UInt32, at: 12)
    },
    .preamble(
      "reserved bytes of the preamble", .invalidField, "reserved bytes are not zero (byte 0x80)"
    ) { $0.bytes[155] = 1 },
    .preamble(
      "an index before its end", .invalidField,
      "index of 233 bytes at 328 does not end a file of 562 (byte 0x18)"
    ) {
      $0.put(UInt64($0.bytes.count - $0.indexOffset - 1), at: 32)
    },
    .preamble(
      "an index in the preamble", .invalidField,
      "index of 403 bytes at 159 does not end a file of 562 (byte 0x18)"
    ) {
      $0.put(159 as UInt64, at: 24)
      $0.put(UInt64($0.bytes.count - 159), at: 32)
    },
    .preamble(
      "an index whose end overflows", .invalidField,
      """
      index of 563 bytes at 18446744073709551615 does not end a file of 562 (byte \
      0x18)
      """
    ) {
      $0.put(UInt64.max, at: 24)
      $0.put(UInt64($0.bytes.count + 1), at: 32)
    },
    .preamble(
      "manifests longer than the index", .inconsistent,
      "manifests take 12884901885 bytes, the index has 234 (byte 0x30)"
    ) {
      for offset in [48, 52, 56] { $0.put(UInt32.max, at: offset) }
    },
    .preamble(
      "an unknown storage", .unsupported,
      "storage is 2, 0 (compact) or 1 (mapped) are known (byte 0x2c)"
    ) { $0.put(2 as UInt32, at: 44) },
    .preamble(
      "a block_size that is no power of two", .invalidField,
      """
      block_size is 65537, a power of two from 65536 to 16777216 is allowed (byte \
      0x3c)
      """
    ) {
      $0.put(65_537 as UInt32, at: 60)
    },
    .preamble(
      "a small block_size", .invalidField,
      """
      block_size is 32768, a power of two from 65536 to 16777216 is allowed (byte \
      0x3c)
      """
    ) { $0.put(1 << 15 as UInt32, at: 60) },
    .preamble(
      "a large block_size", .invalidField,
      """
      block_size is 33554432, a power of two from 65536 to 16777216 is allowed (byte \
      0x3c)
      """
    ) { $0.put(1 << 25 as UInt32, at: 60) },
    .preamble(
      "a block_size of zero", .invalidField,
      """
      block_size is 0, a power of two from 65536 to 16777216 is allowed (byte 0x3c)
      """
    ) { $0.put(0 as UInt32, at: 60) },
    Damage(
      "a wrong index_crc", .checksum,
      "index has checksum 0x784979d0, 0x7e07b16d is recorded (byte 0x148)", sealing: false
    ) { $0.bytes[$0.indexOffset] ^= 1 },
    Damage(
      "a wrong content_digest", .checksum,
      """
      manifest has digest \
      9859d6953d99e3ee0b7f10d818f817e92bc51f2b08f6d85a38c422a968bb35d5, \
      9959d6953d99e3ee0b7f10d818f817e92bc51f2b08f6d85a38c422a968bb35d5 is recorded \
      (byte 0x148)
      """, sealing: false
    ) {
      $0.bytes[64] ^= 1
      $0.sealPreamble()
    },
    Damage(
      "a wrong evidence_digest", .checksum,
      """
      manifest has digest \
      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, \
      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b854 is recorded \
      (byte 0x1ea)
      """, sealing: false
    ) {
      $0.bytes[127] ^= 1
      $0.sealPreamble()
    },
  ]

  /// Rule 6, items.
  static let items = [
    Damage(
      "an unknown kind", .unsupported, "kind is 3, 1 (section) or 2 (tensor) are known (byte 0x17c)"
    ) { $0.bytes[$0.item("w")] = 3 },
    Damage("flags of a section", .invalidField, "flags is 2, 0 or 1 are allowed (byte 0x149)") {
      $0.bytes[$0.item("recipe") + 1] = 2
    },
    Damage("flags of a tensor", .invalidField, "flags is 129, 0 or 1 are allowed (byte 0x17d)") {
      $0.bytes[$0.item("w") + 1] = 0x81
    },
    .item(
      "a name of no bytes", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([])),
    .item(
      "a name of 1025 bytes", .invalidField,
      "name is 1025 bytes, at most 1024 are allowed (byte 0x1ee)",
      Forgery.section([UInt8](repeating: 0x61, count: 1025))),
    .item(
      "a name that is not UTF-8", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([0x61, 0xc3])),
    .item(
      "a name with a surrogate", .invalidField, "name is empty or not UTF-8 (byte 0x1ec)",
      Forgery.section([0xed, 0xa0, 0x80])),
    .item(
      "a name twice in a manifest", .inconsistent,
      "name \"w\" stands twice in the index (byte 0x148)", Forgery.section(Array("w".utf8))),
    .item(
      "a name twice in the index", .inconsistent,
      "name \"w\" stands twice in the index (byte 0x148)", Forgery.section(Array("w".utf8)),
      inManifest: 2),
    .item(
      "an unknown required section", .unsupported,
      """
      section "quantum" is required and not known to this program: a newer clip-pack \
      is needed
      """,
      Forgery.section(Array("quantum".utf8), flags: 1), inManifest: 2),
    .item(
      "a section of another role", .inconsistent,
      """
      section "x" is a stream of role 1 and U8, role 0 and U8 are needed (byte 0x1ef)
      """, Forgery.section(Array("x".utf8), role: 1)),
    .item(
      "a section of another type", .inconsistent,
      """
      section "x" is a stream of role 0 and F32, role 0 and U8 are needed (byte 0x1ef)
      """, Forgery.section(Array("x".utf8), type: 9)),
    .item(
      "content that the digest does not cover", .inconsistent,
      """
      section "tokenizer" stands in the attachment manifest, its place is the content \
      manifest
      """,
      Forgery.section(Array("tokenizer".utf8)), inManifest: 2),
    .item(
      "evidence among content", .inconsistent,
      """
      section "evidence" stands in the content manifest, its place is the evidence \
      manifest
      """, Forgery.section(Array("evidence".utf8))),
    .item(
      "weights that the digest does not cover", .inconsistent,
      """
      tensor "x": part of the model stands in the evidence manifest, its place is the \
      content manifest
      """,
      Forgery.tensor("x", flags: 1, shape: [0], streams: [(0, 9, 0)]), inManifest: 1),
    Damage(
      "an unknown tower", .invalidField,
      """
      tower is 3, 0 (both), 1 (image) or 2 (text) are allowed (byte 0x181)
      """
    ) { $0.bytes[$0.afterName("w")] = 3 },
    Damage("an unknown element_type", .unsupported, "element_type 23 is not known (byte 0x183)") {
      $0.bytes[$0.afterName("w") + 2] = 23
    },
    Damage("an element_type of zero", .unsupported, "element_type 0 is not known (byte 0x197)") {
      $0.bytes[$0.streams("w", rank: 2) + 1] = 0
    },
    Damage("a rank of 9", .invalidField, "rank is 9, at most 8 is allowed (byte 0x184)") {
      $0.bytes[$0.afterName("w") + 3] = 9
    },
    .item(
      "no stream", .invalidField, "stream_count is 0, 1 to 16 are allowed (byte 0x1fb)",
      Forgery.tensor("x", codec: 9, shape: [0], streams: [])),
    .item(
      "17 streams", .invalidField, "stream_count is 17, 1 to 16 are allowed (byte 0x1fb)",
      Forgery.tensor(
        "x", codec: 9, shape: [0], streams: Array(repeating: (0, 9, 0), count: 17))),
    .item(
      "an item cut short", .truncated, "size takes 8 bytes, 7 are left (byte 0x1f1)",
      Array(Forgery.section([0x61]).dropLast())),
    .item("an item of one byte", .truncated, "flags takes 1 bytes, 0 are left (byte 0x1eb)", [2]),
  ]

  /// Rule 7, shapes and codecs.
  static let codecs =
    [
      .item(
        "an extent of 2⁶³", .invalidField, "shape [9223372036854775808] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [1 << 63], streams: [(0, 9, 0)])),
      .item(
        "2⁶⁴ elements", .invalidField, "shape [4294967296, 4294967296] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [1 << 32, 1 << 32], streams: [(0, 9, 0)])),
      .item(
        "columns that overflow behind a zero", .invalidField,
        "shape [0, 4611686018427387904, 4] overflows (byte 0x1f3)",
        Forgery.tensor("x", shape: [0, 1 << 62, 4], streams: [(0, 9, 0)])),
      .item(
        "a size in bytes that overflows", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and no bytes are \
        needed for 4611686018427387904 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [1 << 62], streams: [(0, 9, 0)])),
      .item(
        "half a byte", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and no bytes are \
        needed for 1 (byte 0x1fb)
        """,
        Forgery.tensor("x", type: 20, shape: [1], streams: [(0, 20, 0)])),
      .item(
        "values of another size", .inconsistent,
        """
        tensor "x": stream of role 0 and 0 bytes stands where role 0 and 12 bytes are \
        needed for 3 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [3], streams: [(0, 9, 0)])),
      .item(
        "values of another role", .inconsistent,
        """
        tensor "x": stream of role 1 and 0 bytes stands where role 0 and 0 bytes are \
        needed for 0 (byte 0x1fb)
        """,
        Forgery.tensor("x", shape: [0], streams: [(1, 9, 0)])),
      .item(
        "values that do not widen", .inconsistent,
        "tensor \"x\": values of F64 do not widen to F32 (byte 0x1fb)",
        Forgery.tensor("x", shape: [0], streams: [(0, 12, 0)])),
      .item(
        "float16 for bfloat16", .inconsistent,
        "tensor \"x\": values of F16 do not widen to BF16 (byte 0x1fb)",
        Forgery.tensor("x", type: 6, shape: [0], streams: [(0, 5, 0)])),
      .item(
        "two streams of values", .inconsistent,
        "tensor \"x\": codec 0 has 1 streams, 2 are here (byte 0x1fb)",
        Forgery.tensor("x", shape: [0], streams: [(0, 9, 0), (0, 9, 0)])),
      .item(
        "a grid without steps", .inconsistent,
        "tensor \"x\": codec 1 has 2 streams, 1 are here (byte 0x1fb)",
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 2, 0)])),
      .item(
        "a grid of float16", .inconsistent,
        """
        tensor "x": a grid is made of I8 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, type: 5, shape: [0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "codes without sign", .inconsistent,
        """
        tensor "x": a grid is made of I8 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 1, 0), (2, 9, 0)])),
      .item(
        "steps of float64", .inconsistent,
        """
        tensor "x": a grid is made of I8 codes and F32 steps, and decodes to F32 (byte \
        0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(1, 2, 0), (2, 12, 0)])),
      .item(
        "steps before codes", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 1 and 0 bytes are \
        needed for 0 (byte 0x1fb)
        """,
        Forgery.tensor("x", codec: 1, shape: [0], streams: [(2, 2, 0), (1, 9, 0)])),
      .item(
        "too few steps", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 2 and 20 bytes are \
        needed for 5×0 (byte 0x203)
        """,
        Forgery.tensor("x", codec: 1, shape: [5, 0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "steps whose size overflows to zero", .inconsistent,
        """
        tensor "x": stream of role 2 and 0 bytes stands where role 2 and no bytes are \
        needed for 4611686018427387904×0 (byte 0x203)
        """,
        Forgery.tensor("x", codec: 1, shape: [1 << 62, 0], streams: [(1, 2, 0), (2, 9, 0)])),
      .item(
        "a stream of 2⁶⁴-1 bytes", .truncated,
        """
        stream of 18446744073709551615 bytes has more block digests than the 0 bytes \
        that are left can hold (byte 0x1fe)
        """,
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, .max)])),
      .item(
        "a stream of 2⁴⁰ bytes", .truncated,
        """
        stream of 1099511627776 bytes has more block digests than the 0 bytes that are \
        left can hold (byte 0x1fe)
        """,
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, 1 << 40)])),
      .item(
        "a stream of one byte without a digest", .truncated,
        "digest is 32 bytes, 0 are left (byte 0x206)",
        Forgery.tensor("x", codec: 9, shape: [0], streams: [(0, 1, 1)])),
    ] as [Damage]

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

  @Test(arguments: frame + items + codecs + placements)
  func `is not opened`(_ damage: Damage) throws {
    var forgery = try Forgery(damage.sample.bytes(.compact))
    damage.forge(&forgery)
    let folder = TemporaryFolder()
    let path = try folder.write(forgery.bytes, "a")
    let error = #expect(throws: FormatError.self) { try Pack(path) }
    #expect(error?.code == damage.code)
    #expect(error?.description == damage.message)
  }

  /// Something to code: the first block holds 400 bytes.
  static let text = Sample(parts: [.section("text", skewed(400), isRequired: false)])
  static let halves = Sample(parts: [
    .plain("x", .float16, [200], skewed(400)), .section("y", skewed(400), isRequired: false),
  ])

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
      "tensor \"w\": block has encoding 3, 0 to 2 are known (byte 0x100)"
    ) { $0.bytes[$0.placement(1)] = 3 },
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

  @Test(arguments: blocks)
  func `is opened but not valid`(_ damage: Damage) throws {
    var forgery = try Forgery(damage.sample.bytes(.compact))
    damage.forge(&forgery)
    let folder = TemporaryFolder()
    let pack = try Pack(folder.write(forgery.bytes, "a"), pool: WorkerPool(threads: 2))
    let error = #expect(throws: FormatError.self) { try pack.validate() }
    #expect(error?.code == damage.code)
    #expect(error?.description == damage.message)
  }

  @Test func `does not lend the bytes of a block whose checksum is wrong`() throws {
    for storage in Storage.allCases {
      var forgery = try Forgery(Sample.example.bytes(storage))
      forgery.bytes[forgery.read(UInt64.self, at: forgery.placement(1) + 8)] ^= 1
      let folder = TemporaryFolder()
      let pack = try Pack(folder.write(forgery.bytes, "a"), pool: WorkerPool(threads: 1))
      let tensor = try #require(pack.tensor("w"))
      #expect(try pack.read(tensor, stream: 1).count == 8)
      #expect(throws: FormatError.self) { try pack.read(tensor, stream: 0) }
    }
  }
}

@Suite("A pack of a later version")
struct LaterVersionTests {
  let folder = TemporaryFolder()

  private func open(_ forge: (inout Forgery) -> Void) throws -> Pack {
    var forgery = try Forgery(Sample.example.bytes(.compact))
    forge(&forgery)
    let pack = try Pack(folder.write(forgery.bytes, "a"), pool: WorkerPool(threads: 1))
    try pack.validate()
    return pack
  }

  @Test func `is read when only minor_version is higher`() throws {
    let pack = try open {
      $0.put(7 as UInt16, at: 10)
      $0.sealPreamble()
    }
    #expect(pack.preamble.minorVersion == 7)
  }

  @Test func `may have sections that this one skips`() throws {
    let pack = try open {
      $0.append(Forgery.section(Array("quantum".utf8)), toManifest: 0)
      $0.append(Forgery.section(Array("foam".utf8)), toManifest: 1)
    }
    #expect(try pack.section("quantum")?.count == 0)
    #expect(pack.tensors.map(\.name) == ["w"])
  }

  @Test func `may have tensors of codecs that this one skips`() throws {
    let pack = try open {
      $0.append(
        Forgery.tensor("x", codec: 200, shape: [3], streams: [(200, 1, 0)]), toManifest: 0)
    }
    #expect(pack.tensor("x")?.codec == 200)
    #expect(try pack.read(try #require(pack.tensor("w")), stream: 0).count == 6)
  }
}
