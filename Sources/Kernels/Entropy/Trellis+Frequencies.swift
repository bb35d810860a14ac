internal import CKernels

extension Trellis {
  /// How often each code occurs. Even codes are of one quantiser, odd ones of the other.
  public struct Frequencies: Sendable, Equatable {
    /// `[256]`, code + 128.
    public private(set) var counts: [Int]

    public init() { counts = [Int](repeating: 0, count: 256) }

    public init(_ codes: Span<Int8>) {
      var counts = [Int](repeating: 0, count: 256)
      unsafe codes.withUnsafeBufferPointer { codes in
        guard let from = codes.baseAddress else { return }
        unsafe ck_rans_count(from, codes.count, &counts)
      }
      self.counts = counts
    }

    /// What to expect of a path where these are the codes of a plain grid of the same step: its
    /// cells are twice as wide.
    public var spread: Frequencies {
      var result = self
      for code in 1..<255 {
        result.counts[code] = counts[code - 1] + 2 * counts[code] + counts[code + 1]
      }
      return result
    }

    public static func += (sum: inout Self, other: Self) {
      for index in sum.counts.indices { sum.counts[index] += other.counts[index] }
    }

    /// How many codes there are.
    public var total: Int { counts.reduce(0, +) }

    /// Of the even codes, and of the odd ones.
    private var totals: [Int] {
      (0...1).map { quantiser in
        stride(from: quantiser, to: 256, by: 2).reduce(0) { $0 + counts[$1] }
      }
    }

    /// What the codes cost by these frequencies, in bits: their empirical entropy.
    public var bits: Double {
      let totals = totals.map { log2(UInt64(max($0, 1))) }
      return counts.indices.reduce(0) { sum, index in
        let count = counts[index]
        guard count > 0 else { return sum }
        return sum + Double(count) * Double(totals[index % 2] - log2(UInt64(count))) / 65_536
      }
    }

    /// What a search is to charge for each code.
    ///
    /// - Parameter price: of a bit, in squared steps. With each bit the error falls to a quarter,
    ///   and at high rate it is 0.25 squared steps, so the slope is 2 · ln 2 · 0.25 = 0.35;
    ///   measured at 1 to 5 bits on Gaussian, Laplacian and Student-t data, 0.4 is best, and 0.3 to
    ///   0.5 are within 0.002 bits of it.
    public func costs(price: Float = 0.4) -> Costs {
      let totals = totals.map { log2(UInt64(8 * $0 + 128)) }
      return Costs(
        values: counts.indices.map { index in
          // The rarest code costs 12 bits: the coder has 4096 slots.
          let bits = min(totals[index % 2] - log2(UInt64(8 * counts[index] + 1)), 12 << 16)
          return price * (Float(bits) / 65_536)
        })
    }
  }

  /// What a search charges for each code, in squared steps.
  public struct Costs: Sendable, Equatable {
    /// `[256]`, code + 128.
    let values: [Float]
  }
}

/// The binary logarithm in 65536ths, rounded down: by whole numbers, so that it is the same on
/// every machine.
///
/// - Precondition: x > 0.
private func log2(_ x: UInt64) -> Int {
  let exponent = 63 - x.leadingZeroBitCount
  // 1 ≤ mantissa < 2, in units of 2⁻³¹.
  var mantissa = (x << (63 - exponent)) >> 32
  var result = exponent
  for _ in 0..<16 {
    mantissa = (mantissa * mantissa) >> 31
    result = 2 * result + Int(mantissa >> 32)
    if mantissa >> 32 == 1 { mantissa >>= 1 }
  }
  return result
}
