internal import CKernels

/// `values = activation(values + bias)`, row by row.
///
/// - Parameters:
///   - values: `[rows, width]`.
///   - bias: `[width]`.
public func activate(
  _ values: inout MutableSpan<Float>, bias: Span<Float>, _ activation: Activation,
  using isa: InstructionSet = .widest
) {
  let width = bias.count
  precondition(
    values.count % max(width, 1) == 0, "\(values.count) values in rows of \(width)")
  unsafe bias.withUnsafeBufferPointer { bias in
    unsafe values.withUnsafeMutableBufferPointer { values in
      guard let start = values.baseAddress, width > 0 else { return }
      unsafe ck_bias_activation_f32(
        start, bias.baseAddress, values.count / width, width, width, activation.c, isa.c)
    }
  }
}
