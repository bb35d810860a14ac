internal import CKernels

/// CRC-32 as in IEEE 802.3, zlib and PNG.
///
/// - Parameter seed: the checksum of the bytes before these; 0 at the start.
public func crc32(
  _ bytes: RawSpan, seed: UInt32 = 0, using isa: InstructionSet = .widest
) -> UInt32 {
  unsafe bytes.withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress else { return seed }
    return unsafe ck_crc32(
      seed, start.assumingMemoryBound(to: UInt8.self), bytes.count, isa.c)
  }
}
