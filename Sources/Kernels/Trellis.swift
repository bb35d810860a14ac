internal import CKernels

/// Dependent quantisation: the codes of each column of a matrix are a path through a machine of 32
/// states, half of which allow only even codes and half only odd ones and zero. So each symbol costs
/// a bit less than its code would on a plain grid of that step, and a search finds paths whose error
/// is nearly the plain grid's: at equal size about 1.2 dB less.
///
/// Specification: `Formats/clippack.md`, section 5.2. Source: H. Schwarz et al., "Hybrid video coding
/// with trellis-coded quantization", DCC 2019. The same bytes and codes on every instruction set.
public enum Trellis {
  /// What is wrong with bytes that do not decode.
  public enum Fault: Int32, Sendable, CustomStringConvertible {
    case table = 1
    case truncated = 2
    case rest = 3
    case columns = 4

    public var description: String {
      switch self {
      case .table: "its frequencies are no tables of codes within ±127 that add up to 4096"
      case .truncated: "its words end before its codes do"
      case .rest: "its words or its lanes do not end where its codes do"
      case .columns: "its columns are none, more than its codes, or lack the first code's"
      }
    }
  }

  /// The bytes of a block of codes that lie row by row in so many columns; `nil` where a column is
  /// no path of the machine, or where a quantiser has fewer than two of its codes.
  ///
  /// - Parameter first: the column of the first code.
  /// - Precondition: `first` is a column.
  public static func encode(_ codes: RawSpan, columns: Int, first: Int = 0) -> [UInt8]? {
    precondition(0 <= first && first < columns, "column \(first) of \(columns)")
    guard columns <= codes.byteCount else { return nil }
    let bytes = unsafe codes.withUnsafeBytes { codes in
      unsafe [UInt8](unsafeUninitializedCapacity: ck_trellis_bound(codes.count)) {
        output, count in
        guard let from = codes.baseAddress, let to = output.baseAddress else { return }
        unsafe Scratch.withFloats((codes.count + columns + 3) / 4) { scratch in
          count = unsafe ck_trellis_encode(
            from.assumingMemoryBound(to: Int8.self), codes.count, columns, first, scratch, to,
            InstructionSet.widest.c)
        }
      }
    }
    return bytes.isEmpty ? nil : bytes
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
        var status: Int32 = 0
        unsafe Scratch.withFloats((codes.count + 3) / 4) { scratch in
          status = unsafe ck_trellis_decode(
            from.assumingMemoryBound(to: UInt8.self), bytes.count,
            to.assumingMemoryBound(to: Int8.self), codes.count, scratch, isa.c)
        }
        return Fault(rawValue: status)
      }
    }
  }
}
