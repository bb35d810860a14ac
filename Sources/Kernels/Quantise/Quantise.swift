internal import CKernels

/// The bit pattern of the largest magnitude of a row; at least `Float.infinity.bitPattern` when
/// one of its values is not finite.
public func peakBits(_ row: Span<Float>, using isa: InstructionSet = .widest) -> UInt32 {
  unsafe row.withUnsafeBufferPointer { row in
    guard let start = row.baseAddress else { return 0 }
    return unsafe ck_peak_bits(start, row.count, isa.c)
  }
}

/// Writes `row · inverse`, rounded to the nearest whole number (ties to even) within ±127.
///
/// The same codes on every instruction set.
/// - Precondition: as many codes as values.
public func quantise(
  _ row: Span<Float>, by inverse: Float, into codes: inout MutableSpan<Int8>,
  using isa: InstructionSet = .widest
) {
  precondition(codes.count == row.count, "\(row.count) values into \(codes.count) codes")
  unsafe row.withUnsafeBufferPointer { row in
    unsafe codes.withUnsafeMutableBufferPointer { codes in
      guard let from = row.baseAddress, let to = codes.baseAddress else { return }
      unsafe ck_quantise_i8(from, inverse, to, row.count, isa.c)
    }
  }
}

/// Writes `row · inverse` as 16-bit codes, rounded to the nearest whole number (ties to even)
/// within ±32767. The same codes on every instruction set.
///
/// - Precondition: two bytes for each value.
public func quantiseWide(
  _ row: Span<Float>, by inverse: Float, into codes: inout MutableRawSpan,
  using isa: InstructionSet = .widest
) {
  precondition(
    codes.byteCount == 2 * row.count, "\(row.count) values into \(codes.byteCount) bytes")
  unsafe row.withUnsafeBufferPointer { row in
    unsafe codes.withUnsafeMutableBytes { codes in
      guard let from = row.baseAddress, let to = codes.baseAddress else { return }
      unsafe ck_quantise_i16(from, inverse, to, row.count, isa.c)
    }
  }
}

/// Writes `code · step` for 16-bit codes, rounded once.
///
/// - Precondition: two bytes for each value.
public func widen(
  wideCodes codes: RawSpan, step: Float, into values: inout MutableSpan<Float>,
  using isa: InstructionSet = .widest
) {
  precondition(
    codes.byteCount == 2 * values.count, "\(codes.byteCount) bytes into \(values.count) values")
  unsafe codes.withUnsafeBytes { codes in
    unsafe values.withUnsafeMutableBufferPointer { values in
      guard let from = codes.baseAddress, let to = values.baseAddress else { return }
      unsafe ck_i16_to_f32(to, from, step, values.count, isa.c)
    }
  }
}

/// What a row of codes loses: Σ (value − code·step)², and Σ value² to compare it with.
public func gridError(
  _ row: Span<Float>, codes: Span<Int8>, step: Float, using isa: InstructionSet = .widest
) -> (error: Double, power: Double) {
  precondition(codes.count == row.count, "\(row.count) values against \(codes.count) codes")
  var error = 0.0
  var power = 0.0
  unsafe row.withUnsafeBufferPointer { row in
    unsafe codes.withUnsafeBufferPointer { codes in
      guard let values = row.baseAddress, let codes = codes.baseAddress else { return }
      unsafe ck_grid_error(values, codes, step, row.count, &error, &power, isa.c)
    }
  }
  return (error, power)
}

/// What a row of 16-bit codes loses, as above.
public func gridError(
  _ row: Span<Float>, wideCodes codes: RawSpan, step: Float
) -> (error: Double, power: Double) {
  precondition(
    codes.byteCount == 2 * row.count, "\(row.count) values against \(codes.byteCount) bytes")
  var errors: SIMD8<Double> = .zero
  var powers: SIMD8<Double> = .zero
  for i in row.indices {
    let code = unsafe codes.unsafeLoadUnaligned(fromByteOffset: 2 * i, as: Int16.self)
    let value = Double(row[i])
    let difference = value - Double(Float(code) * step)
    errors[i % 8] += difference * difference
    powers[i % 8] += value * value
  }
  return (
    (0..<8).reduce(0) { $0 + errors[$1] }, (0..<8).reduce(0) { $0 + powers[$1] }
  )
}

extension Half {
  /// Narrows values and counts those that would not come back as the same float32.
  ///
  /// float16 rounds to nearest, ties to even; bfloat16 cuts. A NaN never fits float16.
  /// - Precondition: as many halves as values.
  public func narrowExactly(
    _ values: Span<Float>, into halves: inout MutableSpan<UInt16>,
    using isa: InstructionSet = .widest
  ) -> Int {
    precondition(
      halves.count == values.count, "\(values.count) values into \(halves.count) halves")
    return unsafe values.withUnsafeBufferPointer { values in
      unsafe halves.withUnsafeMutableBufferPointer { halves in
        guard let from = values.baseAddress, let to = halves.baseAddress else { return 0 }
        return switch self {
        case .float16: unsafe ck_f32_to_f16_exact(from, to, values.count, isa.c)
        case .bfloat16: unsafe ck_f32_to_bf16_exact(from, to, values.count, isa.c)
        }
      }
    }
  }
}
