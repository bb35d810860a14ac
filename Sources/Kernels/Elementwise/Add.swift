internal import CKernels

/// `output[start + i] += x[i]` for all elements of `x`.
///
/// - Precondition: `output` has such a part.
public func add(
  _ x: Span<Float>, to output: inout MutableSpan<Float>, at start: Int = 0,
  using isa: InstructionSet = .widest
) {
  precondition(
    start >= 0 && start <= output.count - x.count,
    "\(x.count) floats at \(start) of \(output.count)")
  unsafe x.withUnsafeBufferPointer { x in
    unsafe output.withUnsafeMutableBufferPointer { output in
      guard let from = x.baseAddress, let to = output.baseAddress else { return }
      unsafe ck_add_f32(to + start, from, x.count, isa.c)
    }
  }
}
