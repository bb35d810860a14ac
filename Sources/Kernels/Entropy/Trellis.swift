internal import CKernels

/// Dependent quantisation: the codes of each column of a matrix are a path through a machine of 32
/// states, half of which have the even codes and half the odd ones. So a symbol costs a bit less
/// than a code of a plain grid of that step would, and a search finds a path so near to the values
/// that at equal size the error is 1.2 dB less than a plain grid's, at equal error a code 0.2 bits.
///
/// Specification: `Formats/clippack.md`, section 5.2. The idea: M. Marcellin and T. Fischer,
/// "Trellis coded quantization of memoryless and Gauss-Markov sources", IEEE Transactions on
/// Communications 38 (1990); with entropy coding: H. Schwarz et al., "Hybrid video coding with
/// trellis-coded quantization", DCC 2019. The same bytes and codes on every instruction set.
public enum Trellis {
  /// What is wrong with bytes that do not decode.
  public enum Fault: Int32, Sendable, CustomStringConvertible {
    case table = 1
    case truncated = 2
    case trailingData = 3
    case columns = 4

    public var description: String {
      switch self {
      case .table: "its frequencies are no tables of codes within ±127 that add up to 4096"
      case .truncated: "its words end before its codes do"
      case .trailingData: "its words or its lanes do not end where its codes do"
      case .columns: "its columns are none, or more than its codes"
      }
    }
  }

  /// The bytes of a block of codes, a run of a matrix of `columns` columns; `nil` where a column is
  /// no path of the machine, or where fewer than two even or two odd codes occur.
  ///
  /// - Precondition: there are columns.
  public static func encode(
    _ codes: RawSpan, columns: Int, using isa: InstructionSet = .widest
  ) -> [UInt8]? {
    precondition(columns > 0, "\(columns) columns")
    guard columns <= codes.byteCount else { return nil }
    let bytes = unsafe codes.withUnsafeBytes { codes in
      unsafe [UInt8](unsafeUninitializedCapacity: ck_trellis_bound(codes.count)) {
        output, count in
        guard let from = codes.baseAddress, let to = output.baseAddress else { return }
        unsafe Scratch.withFloats((columns + 3) / 4) { scratch in
          count = unsafe ck_trellis_encode(
            from.assumingMemoryBound(to: Int8.self), codes.count, columns, scratch, to, isa.c)
        }
      }
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Whether the codes, which lie so, can be encoded as a path in every column.
  ///
  /// - Precondition: there are columns.
  public static func allows(
    _ codes: Span<Int8>, columns: Int, using isa: InstructionSet = .widest
  ) -> Bool {
    precondition(columns > 0, "\(columns) columns")
    var isPath = true
    unsafe codes.withUnsafeBufferPointer { codes in
      guard let from = codes.baseAddress else { return }
      unsafe Scratch.withFloats((columns + 3) / 4) { scratch in
        isPath = unsafe ck_trellis_check(from, codes.count, columns, scratch, isa.c)
      }
    }
    return isPath
  }

  /// Decodes exactly as many codes as `codes` has bytes.
  ///
  /// - Returns: `nil`, or what is wrong; `codes` says nothing then.
  public static func decode(
    _ bytes: RawSpan, into codes: inout MutableRawSpan, using isa: InstructionSet = .widest
  ) -> Fault? {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe codes.withUnsafeMutableBytes { codes in
        guard let from = bytes.baseAddress, let to = codes.baseAddress else { return .columns }
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
