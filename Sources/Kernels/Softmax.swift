internal import CKernels

/// Replaces `row` with exp(scale · row) / Σ exp(scale · row), stably: the largest exponent is 0.
public func softmax(
  _ row: inout MutableSpan<Float>, scale: Float = 1, using isa: InstructionSet = .widest
) {
  unsafe row.withUnsafeMutableBufferPointer { row in
    guard let start = row.baseAddress else { return }
    unsafe ck_softmax_f32(start, row.count, scale, isa.c)
  }
}

/// `output += x`, element by element.
public func add(
  _ x: Span<Float>, to output: inout MutableSpan<Float>, using isa: InstructionSet = .widest
) {
  precondition(x.count == output.count, "\(x.count) floats to \(output.count)")
  unsafe x.withUnsafeBufferPointer { x in
    unsafe output.withUnsafeMutableBufferPointer { output in
      guard let from = x.baseAddress, let to = output.baseAddress else { return }
      unsafe ck_add_f32(to, from, x.count, isa.c)
    }
  }
}
