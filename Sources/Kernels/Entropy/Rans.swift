internal import CKernels

/// Entropy coding of blocks of codes with a static table (rANS).
///
/// Specification: `Formats/clippack.md`, section 5.1. The same bytes on every instruction set.
public enum Rans {
  /// What is wrong with bytes that do not decode.
  public enum Fault: Int32, Sendable, CustomStringConvertible {
    case table = 1
    case truncated = 2
    case trailingData = 3

    public var description: String {
      switch self {
      case .table: "its frequencies are no table that adds up to 4096"
      case .truncated: "its words end before its codes do"
      case .trailingData: "its words or its lanes do not end where its codes do"
      }
    }
  }

  /// The bytes of a block of signed 8-bit codes; `nil` when all of them are equal.
  public static func encode(
    _ codes: RawSpan, using isa: InstructionSet = .widest
  ) -> [UInt8]? {
    let bytes = unsafe codes.withUnsafeBytes { codes in
      unsafe [UInt8](unsafeUninitializedCapacity: ck_rans_bound(codes.count)) { output, count in
        guard let from = codes.baseAddress, let to = output.baseAddress else { return }
        count = unsafe ck_rans_encode(
          from.assumingMemoryBound(to: Int8.self), codes.count, to, isa.c)
      }
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// How many bytes `encode` would give, within a few.
  public static func size(_ codes: Span<Int8>) -> Double {
    unsafe codes.withUnsafeBufferPointer { codes in
      guard let from = codes.baseAddress else { return 0 }
      return unsafe ck_rans_size(from, codes.count)
    }
  }

  /// Decodes exactly as many codes as `codes` has bytes.
  ///
  /// - Returns: `nil`, or what is wrong; `codes` says nothing then.
  public static func decode(
    _ bytes: RawSpan, into codes: inout MutableRawSpan, using isa: InstructionSet = .widest
  ) -> Fault? {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe codes.withUnsafeMutableBytes { codes in
        guard let from = bytes.baseAddress, let to = codes.baseAddress else { return .truncated }
        return Fault(
          rawValue: unsafe ck_rans_decode(
            from.assumingMemoryBound(to: UInt8.self), bytes.count,
            to.assumingMemoryBound(to: Int8.self), codes.count, isa.c))
      }
    }
  }
}

/// Codes of 16 bits taken apart: their upper 8 bits, and the bits below in planes.
public enum LowBits {
  /// The bytes that the planes of `count` codes take.
  public static func planeBytes(count: Int, bits: Int) -> Int { bits * ((count + 7) / 8) }

  /// - Precondition: `codes` is whole 16-bit words that fit 8 + `bits` bits.
  public static func split(_ codes: RawSpan, bits: Int) -> (high: [UInt8], planes: [UInt8]) {
    let count = codes.byteCount / 2
    var high = [UInt8](repeating: 0, count: count)
    var planes = [UInt8](repeating: 0, count: planeBytes(count: count, bits: bits))
    unsafe codes.withUnsafeBytes { codes in
      unsafe high.withUnsafeMutableBytes { high in
        unsafe planes.withUnsafeMutableBufferPointer { planes in
          guard let from = codes.baseAddress, let to = high.baseAddress else { return }
          // Without bits there is no plane, and nothing is written to one.
          let low = unsafe planes.baseAddress ?? to.assumingMemoryBound(to: UInt8.self)
          unsafe ck_split_low_bits(
            from, count, UInt32(bits), to.assumingMemoryBound(to: Int8.self), low)
        }
      }
    }
    return (high, planes)
  }

  /// - Precondition: a byte of `high` for each word of `codes`, and `planeBytes` of `planes`.
  public static func merge(
    high: RawSpan, planes: RawSpan, bits: Int, into codes: inout MutableRawSpan
  ) {
    let count = codes.byteCount / 2
    precondition(
      high.byteCount == count && planes.byteCount == planeBytes(count: count, bits: bits),
      "\(high.byteCount) and \(planes.byteCount) bytes for \(count) codes")
    unsafe high.withUnsafeBytes { high in
      unsafe planes.withUnsafeBytes { planes in
        unsafe codes.withUnsafeMutableBytes { codes in
          guard let from = high.baseAddress, let to = codes.baseAddress else { return }
          let low = unsafe planes.baseAddress ?? from
          unsafe ck_merge_low_bits(
            from.assumingMemoryBound(to: Int8.self), low.assumingMemoryBound(to: UInt8.self), count,
            UInt32(bits), to)
        }
      }
    }
  }
}
