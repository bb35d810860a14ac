internal import CKernels

/// A 16-bit float type.
public enum Half: Sendable, CaseIterable {
  /// IEEE binary16: 5 bits of exponent.
  case float16
  /// The upper half of a float32.
  case bfloat16

  /// Makes floats of halves, exactly, NaN payloads included.
  ///
  /// - Parameters:
  ///   - halves: little-endian, at any alignment.
  ///   - output: as many floats.
  public func widen(
    _ halves: RawSpan, into output: inout MutableSpan<Float>, using isa: InstructionSet = .widest
  ) {
    precondition(
      halves.byteCount == 2 * output.count, "\(halves.byteCount) bytes into \(output.count) floats")
    unsafe halves.withUnsafeBytes { halves in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard let from = halves.baseAddress, let to = output.baseAddress else { return }
        switch self {
        case .float16: unsafe ck_f16_to_f32(to, from, output.count, isa.c)
        case .bfloat16: unsafe ck_bf16_to_f32(to, from, output.count, isa.c)
        }
      }
    }
  }

  /// Rounds floats to halves, to nearest, ties to even.
  ///
  /// A NaN stays one and keeps the upper bits of its payload where that is not zero.
  ///
  /// - Parameters:
  ///   - floats: little-endian float32, at any alignment.
  ///   - output: 2 bytes for each.
  /// - Returns: how many finite floats were too large and became infinite.
  public func narrow(
    _ floats: RawSpan, into output: inout MutableRawSpan, using isa: InstructionSet = .widest
  ) -> Int {
    precondition(
      floats.byteCount == 2 * output.byteCount,
      "\(floats.byteCount) bytes into \(output.byteCount)")
    let count = floats.byteCount / 4
    return unsafe floats.withUnsafeBytes { floats in
      unsafe output.withUnsafeMutableBytes { output in
        guard let from = floats.baseAddress, let to = output.baseAddress else { return 0 }
        return switch self {
        case .float16: unsafe ck_f32_to_f16(to, from, count, isa.c)
        case .bfloat16: unsafe ck_f32_to_bf16(to, from, count, isa.c)
        }
      }
    }
  }
}
