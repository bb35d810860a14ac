import Kernels
import TestSupport
import Testing

@Suite("crc32")
struct CodecChecksumTests {
  /// The definition, bit by bit.
  private static func reference(_ bytes: some Sequence<UInt8>, seed: UInt32 = 0) -> UInt32 {
    ~bytes.reduce(~seed) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in
        crc >> 1 ^ (crc & 1 == 1 ? 0xedb8_8320 : 0)
      }
    }
  }

  private static let bytes: [UInt8] = {
    var random = SplitMix64(seed: 9)
    return (0..<5000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }()

  @Test(arguments: InstructionSet.available)
  func `has the values that everybody has`(isa: InstructionSet) {
    let known: [(String, UInt32)] = [
      ("", 0), ("a", 0xe8b7_be43), ("123456789", 0xcbf4_3926),
      ("The quick brown fox jumps over the lazy dog", 0x414f_a339),
    ]
    for (text, crc) in known {
      #expect(unsafe crc32(Array(text.utf8).span.bytes, using: isa) == crc, "\(text)")
    }
    let zeros = [UInt8](repeating: 0, count: 1 << 16)
    #expect(unsafe crc32(zeros.span.bytes, using: isa) == 0xd797_8eeb)
  }

  @Test(arguments: InstructionSet.available)
  func `is the same at any length and alignment`(isa: InstructionSet) {
    let span = unsafe Self.bytes.span.bytes
    for count in Array(0...300) + [1023, 1024, 1025, 1031, 4096, 4983] {
      for start in count <= 300 ? [0, 1, 7, 15] : [0, 3] {
        let expected = Self.reference(Self.bytes[start..<start + count])
        let found = crc32(span.extracting(start..<start + count), using: isa)
        #expect(found == expected, "\(count) bytes from \(start)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `goes on from what came before`(isa: InstructionSet) {
    let span = unsafe Self.bytes.span.bytes
    let whole = Self.reference(Self.bytes)
    for cut in [0, 1, 63, 64, 65, 1024, 4999, 5000] {
      let first = crc32(span.extracting(0..<cut), using: isa)
      #expect(crc32(span.extracting(cut..<5000), seed: first, using: isa) == whole, "cut at \(cut)")
    }
  }
}
