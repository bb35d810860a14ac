internal import CKernels

extension Reproducible {
  /// Replaces each value by its activation.
  public static func activate(
    _ values: inout MutableSpan<Float>, _ activation: Activation,
    using isa: InstructionSet = .widest
  ) {
    unsafe values.withUnsafeMutableBufferPointer { values in
      guard let start = values.baseAddress else { return }
      unsafe ck_reproducible_activate(start, values.count, activation.c, isa.c)
    }
  }

  /// Multiplies the gradient with respect to an activation's output by its derivative at `x`, which
  /// gives the gradient with respect to its input.
  ///
  /// - Parameters:
  ///   - x: what went into the activation.
  ///   - gradient: as many elements.
  public static func activationGradient(
    _ activation: Activation, at x: Span<Float>, scaling gradient: inout MutableSpan<Float>,
    using isa: InstructionSet = .widest
  ) {
    precondition(x.count == gradient.count, "\(gradient.count) gradients of \(x.count) values")
    unsafe x.withUnsafeBufferPointer { x in
      unsafe gradient.withUnsafeMutableBufferPointer { gradient in
        guard let x = x.baseAddress, let start = gradient.baseAddress else { return }
        unsafe ck_reproducible_activation_gradient(start, x, gradient.count, activation.c, isa.c)
      }
    }
  }
}
