import Bytes
import SystemPackage
import TestSupport

/// The pictures of `Tests/Fixtures/images`, and what Python made of them, both by
/// `Scripts/make_image_goldens.py`.
enum ImageFixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let file = try MappedFile(Fixture.path("images/\(name)"))
    return (0..<file.count).map { unsafe file.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }

  static func file(_ name: String) throws -> Buffer { buffer(try bytes(name)) }

  static func buffer(_ bytes: [UInt8]) -> Buffer {
    Buffer(count: bytes.count) { span in
      for (offset, byte) in bytes.enumerated() {
        span.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
      }
    }
  }

  /// The members of one array of `goldens.json`.
  static func goldens(_ key: String) throws -> [JSON] {
    let file = try bytes("goldens.json")
    return try JSON(parsing: file.span)[key]?.array ?? []
  }

  static let crcTable = (0..<256).map { index -> UInt32 in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1
    }
  }

  /// The checksum of zlib and PNG.
  static func crc(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let table = crcTable
    return ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = String(crc(bytes), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  static func littleEndian(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
    }
  }
}
