internal import CKernels
public import Concurrency

/// Gives each row mean 0 and variance 1, then scales and shifts its elements.
///
/// - Parameters:
///   - x: `[rows, width]`.
///   - weight, bias: `[width]`.
///   - epsilon: added to the variance, which is the biased one.
///   - output: `[rows, width]`.
/// - Precondition: the shapes fit.
public func layerNorm(
  _ x: Span<Float>, weight: Span<Float>, bias: Span<Float>, epsilon: Float,
  into output: inout MutableSpan<Float>, on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  let width = weight.count
  precondition(
    bias.count == width && x.count == output.count && x.count % max(width, 1) == 0,
    "\(x.count) inputs, \(output.count) outputs, \(width) weights, \(bias.count) biases")
  guard width > 0, x.count > 0 else { return }
  unsafe x.withUnsafeBufferPointer { x in
    unsafe weight.withUnsafeBufferPointer { weight in
      unsafe bias.withUnsafeBufferPointer { bias in
        unsafe output.withUnsafeMutableBufferPointer { output in
          nonisolated(unsafe) let x = x.baseAddress!
          nonisolated(unsafe) let weight = weight.baseAddress!
          nonisolated(unsafe) let bias = bias.baseAddress!
          let rows = output.count / width
          nonisolated(unsafe) let output = output.baseAddress!
          // Some 10 µs of work a share.
          let share = max(1, 32_768 / width)
          pool.run((rows + share - 1) / share) { index in
            let first = index * share
            unsafe ck_layer_norm_f32(
              output + first * width, x + first * width, weight, bias, min(share, rows - first),
              width, epsilon, isa.c)
          }
        }
      }
    }
  }
}
