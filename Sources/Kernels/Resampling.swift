internal import CKernels

/// Which source pixels each pixel of a resized edge is made of, and with what weights.
///
/// Weights are fixed point with 22 fraction bits; those of one window add up to about 1.
public struct Windows: Sendable {
  /// The first source position of each window.
  public private(set) var starts: [Int32] = []
  /// How many source positions each window has.
  public private(set) var counts: [Int32] = []
  /// (windows, stride); zeros follow each window's own.
  public private(set) var weights: [Int32] = []
  /// At least the widest window; a multiple of 16, which the widest kernel takes in one step.
  public let stride: Int

  /// - Parameter widest: the number of weights in the largest window to come.
  public init(widest: Int, capacity: Int) {
    stride = (widest + 15) / 16 * 16
    starts.reserveCapacity(capacity)
    counts.reserveCapacity(capacity)
    weights.reserveCapacity(capacity * stride)
  }

  public var count: Int { starts.count }

  /// The source positions of one window.
  public func range(_ index: Int) -> Range<Int> {
    Int(starts[index])..<Int(starts[index]) + Int(counts[index])
  }

  /// The weight of a source position in a window that holds it.
  public func weight(_ index: Int, at position: Int) -> Int32 {
    weights[index * stride + position - Int(starts[index])]
  }

  /// Appends a window.
  ///
  /// - Precondition: no more weights than announced, each less than 127/64 in size; the window
  ///   ends no earlier than the one before it.
  public mutating func append(start: Int, weights window: [Int32]) {
    precondition(window.count <= stride, "a window of \(window.count) where \(stride) fit")
    // What three signed 8-bit digits can say.
    let limit: Int32 = 127 << 16
    precondition(start >= 0 && window.allSatisfy { -limit < $0 && $0 < limit })
    precondition(count == 0 || start + window.count >= range(count - 1).upperBound)
    starts.append(Int32(start))
    counts.append(Int32(window.count))
    weights.append(contentsOf: window)
    weights.append(contentsOf: repeatElement(0, count: stride - window.count))
  }
}

/// Makes each pixel of `out` from a window of the row's, rounded and clipped to 0…255.
///
/// - Parameters:
///   - row: RGB, (pixels, 3).
///   - out: RGB, (windows, 3).
///   - isa: overridden only by tests and benchmarks; the result does not depend on it.
/// - Precondition: every window lies in the row.
public func resample(
  _ row: Span<UInt8>, _ windows: Windows, into out: inout MutableSpan<UInt8>,
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
