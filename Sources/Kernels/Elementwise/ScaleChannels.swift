internal import CKernels
public import Concurrency

/// `values = values · factors + summands`, row by row, each operation rounded: the same bits on
/// every processor.
///
/// - Parameters:
///   - values: `[rows, channels]`.
///   - factors: `[channels]`.
///   - summands: `[channels]`, or empty for none.
/// - Precondition: the shapes fit.
public func scaleChannels(
  _ values: inout MutableSpan<Float>, by factors: Span<Float>, adding summands: Span<Float>,
  on pool: WorkerPool, using isa: InstructionSet = .widest
) {
  let channels = factors.count
  precondition(
    channels > 0 && values.count % channels == 0
      && (summands.isEmpty || summands.count == channels),
    "\(values.count) values, \(channels) factors, \(summands.count) summands")
  let rows = values.count / channels
  // Enough that handing a share to a thread counts little.
  let share = max(1, (1 << 14) / channels)
  unsafe values.withUnsafeMutableBufferPointer { values in
    unsafe factors.withUnsafeBufferPointer { factors in
      unsafe summands.withUnsafeBufferPointer { summands in
        guard rows > 0 else { return }
        nonisolated(unsafe) let (values, factors) = (values.baseAddress!, factors.baseAddress!)
        // An empty buffer may have an address too.
        nonisolated(unsafe) let summands = summands.isEmpty ? nil : summands.baseAddress
        pool.run((rows + share - 1) / share) { index in
          unsafe ck_scale_channels_f32(
            values + index * share * channels, factors, summands, min(share, rows - index * share),
            channels, isa.c)
        }
      }
    }
  }
}
