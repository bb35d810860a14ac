/// Which source pixels each pixel of a resized edge is made of, and with what weights.
///
/// Weights are fixed point with 22 fraction bits; those of one window add up to about 1.
public struct FilterWindows: Sendable {
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
