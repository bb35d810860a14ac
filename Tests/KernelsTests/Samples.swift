import TestSupport

/// Around every width at which a kernel changes its path, for 4, 8 and 16 lanes, in pairs or alone.
let counts = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 100, 768]

/// Floats of about normal distribution, the same ones for the same seed.
func normals(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in
    // The sum of 4 numbers of 16 bits, of standard deviation 65 536 / √3.
    let bits = random.next()
    let sum = bits & 0xffff + bits >> 16 & 0xffff + bits >> 32 & 0xffff + bits >> 48
    return (Float(sum) - 131_070) / 37_837 * scale
  }
}

/// Calls `body` with room for `count` elements in the middle of a larger array, and tells whether
/// the elements before and behind are still the canaries they were.
func sparesSurroundings<Element: BitwiseCopyable & Equatable>(
  _ count: Int, canary: Element, _ body: (inout MutableSpan<Element>) -> Void
) -> (result: [Element], isSpared: Bool) {
  // An odd number, so that nothing is aligned to a vector.
  let margin = 37
  var all = [Element](repeating: canary, count: count + 2 * margin)
  unsafe all.withUnsafeMutableBufferPointer { all in
    let middle = unsafe UnsafeMutableBufferPointer(rebasing: all[margin..<margin + count])
    var span = unsafe MutableSpan(_unsafeElements: middle)
    body(&span)
  }
  let isSpared =
    all[..<margin].allSatisfy { $0 == canary }
    && all[(margin + count)...].allSatisfy { $0 == canary }
  return (Array(all[margin..<margin + count]), isSpared)
}

extension MutableSpan where Element: BitwiseCopyable {
  /// Copies as many elements as there are.
  mutating func fill(from source: [Element]) {
    for index in indices { self[index] = source[index] }
  }
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { most, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}
