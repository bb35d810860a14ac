internal import CKernels
public import Concurrency

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

/// Replaces each value by its activation.
public func activate(
  _ values: inout MutableSpan<Float>, _ activation: Activation, on pool: WorkerPool,
  using isa: InstructionSet = .widest
) {
  /// Enough that handing a share to a thread counts little.
  let share = 1 << 14
  let count = values.count
  unsafe values.withUnsafeMutableBufferPointer { values in
    guard let start = values.baseAddress, count > 0 else { return }
    nonisolated(unsafe) let first = unsafe start
    pool.run((count + share - 1) / share) { index in
      let width = min(share, count - index * share)
      unsafe ck_bias_activation_f32(
        first + index * share, nil, 1, width, width, activation.c, isa.c)
    }
  }
}
