internal import CKernels

/// Replaces each row r with exp(scale · r) / Σ exp(scale · r), stably: the largest exponent is 0.
///
/// - Parameters:
///   - values: `[rows, width]`.
///   - scale: greater than 0.
public func softmax(
  _ values: inout MutableSpan<Float>, width: Int, scale: Float = 1,
  using isa: InstructionSet = .widest
) {
  precondition(
    width > 0 && values.count % width == 0, "\(values.count) values in rows of \(width)")
  precondition(scale > 0, "a scale of \(scale)")
  unsafe values.withUnsafeMutableBufferPointer { values in
    guard let start = values.baseAddress else { return }
    for row in 0..<values.count / width {
      unsafe ck_softmax_f32(start + row * width, width, scale, isa.c)
    }
  }
}
