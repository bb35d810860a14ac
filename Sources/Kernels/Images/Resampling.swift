internal import CKernels

/// Makes each pixel of `out` from a window of the row's, rounded and clipped to 0…255.
///
/// - Parameters:
///   - row: RGB, (pixels, 3).
///   - out: RGB, (windows, 3).
///   - isa: overridden only by tests and benchmarks; the result does not depend on it.
/// - Precondition: every window lies in the row.
public func resample(
  _ row: Span<UInt8>, _ windows: FilterWindows, into out: inout MutableSpan<UInt8>,
  using isa: InstructionSet = .widest
) {
  let pixels = row.count / 3
  precondition(row.count == 3 * pixels && out.count == 3 * windows.count, "not rows of RGB")
  // The last window ends furthest.
  precondition(windows.count == 0 || windows.range(windows.count - 1).upperBound <= pixels)
  unsafe row.withUnsafeBufferPointer { row in
    unsafe out.withUnsafeMutableBufferPointer { out in
      guard let source = row.baseAddress, let target = out.baseAddress else { return }
      unsafe ck_resample_row_rgb(
        target, source, pixels, windows.starts, windows.counts, windows.weights, windows.stride,
        windows.count, isa.c)
    }
  }
}

/// Adds `weight` times a row to sums, modulo 2³².
///
/// - Precondition: both have the same count.
public func accumulate(
  _ row: Span<UInt8>, weight: Int32, into sums: inout MutableSpan<Int32>,
  using isa: InstructionSet = .widest
) {
  precondition(row.count == sums.count, "\(row.count) levels for \(sums.count) sums")
  unsafe row.withUnsafeBufferPointer { row in
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      guard let source = row.baseAddress, let target = sums.baseAddress else { return }
      unsafe ck_accumulate_row(target, source, weight, row.count, isa.c)
    }
  }
}

/// Rounds sums with 22 fraction bits to 0…255, and clears them.
///
/// - Precondition: both have the same count.
public func roundRow(_ sums: inout MutableSpan<Int32>, into out: inout MutableSpan<UInt8>) {
  precondition(out.count == sums.count, "\(out.count) levels from \(sums.count) sums")
  unsafe sums.withUnsafeMutableBufferPointer { sums in
    unsafe out.withUnsafeMutableBufferPointer { out in
      guard let source = sums.baseAddress, let target = out.baseAddress else { return }
      unsafe ck_round_row(target, source, out.count)
    }
  }
}
