import Bytes
import Codecs
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@testable import PackFormat

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
    Damage(
      "a safetensors checkpoint", .unsupported,
      "file is a safetensors checkpoint, not a pack; convert it to have one (byte 0x0)",
      sealing: false
    ) { $0.bytes.replaceSubrange(0..<9, with: [64, 0, 0, 0, 0, 0, 0, 0, 0x7b]) },
    Damage(
      "a zip archive", .unsupported,
      """
      file is a zip archive, as PyTorch writes checkpoints, not a pack; convert it to have one \
      (byte 0x0)
      """,
      sealing: false
    ) { $0.bytes.replaceSubrange(0..<4, with: [0x50, 0x4b, 3, 4]) },
    Damage(
      "a pickle", .unsupported,
      """
      file is a pickle, as PyTorch writes checkpoints, not a pack; convert it to have one \
      (byte 0x0)
      """,
      sealing: false
    ) { $0.bytes.replaceSubrange(0..<2, with: [0x80, 2]) },
    Damage(
      "GGUF", .unsupported, "file is GGUF, not a pack (byte 0x0)", sealing: false
    ) { $0.bytes.replaceSubrange(0..<4, with: Array("GGUF".utf8)) },
    Damage("JSON", .unsupported, "file is JSON, not a pack (byte 0x0)", sealing: false) {
      $0.bytes.replaceSubrange(0..<4, with: Array("{\n  ".utf8))
    },
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
    #expect(pack.tensor("x")?.content.codec == 200)
    #expect(try pack.read(try #require(pack.tensor("w")), stream: 0).count == 6)
  }
}
