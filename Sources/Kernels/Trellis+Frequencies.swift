internal import CKernels

extension Trellis {
  /// How often each quantiser meets each code.
  public struct Frequencies: Sendable, Equatable {
    /// `[2, 256]`, code + 128.
    public private(set) var counts: [Int]

    public init() { counts = [Int](repeating: 0, count: 512) }

    /// Of codes that lie row by row in so many columns, all chains beginning there; `nil` where one
    /// is no path of the machine.
    ///
    /// - Parameter first: the column of the first code.
    /// - Precondition: `first` is a column.
    public init?(
      _ codes: Span<Int8>, columns: Int, first: Int = 0, using isa: InstructionSet = .widest
    ) {
      precondition(0 <= first && first < columns, "column \(first) of \(columns)")
      var counts = [Int](repeating: 0, count: 512)
      var isPath = true
      unsafe codes.withUnsafeBufferPointer { codes in
        guard let from = codes.baseAddress else { return }
        unsafe Scratch.withFloats((codes.count + columns + 3) / 4) { scratch in
          isPath = unsafe ck_trellis_count(
            from, codes.count, columns, first, scratch, &counts, isa.c)
        }
      }
      guard isPath else { return nil }
      self.counts = counts
    }

    /// A guess from how often each code, + 128, occurs on a plain grid of the same step: each value
    /// goes to the nearest code of either quantiser.
    ///
    /// - Precondition: 256 counts.
    public init(grid histogram: [Int]) {
      precondition(histogram.count == 256, "\(histogram.count) counts")
      self.init()
      for code in -127...127 {
        let count = 2 * histogram[code + 128]
        for quantiser in 0...1 {
          if code % 2 == 0 ? quantiser == 0 : quantiser == 1 {
            counts[256 * quantiser + code + 128] += count
          } else if quantiser == 1 && code == 0 {
            counts[256 + 128] += count
          } else {
            for neighbour in [code - 1, code + 1] where abs(neighbour) <= 127 {
              counts[256 * quantiser + neighbour + 128] += count / 2
            }
          }
        }
      }
    }

    public static func += (sum: inout Self, other: Self) {
      for index in sum.counts.indices { sum.counts[index] += other.counts[index] }
    }

    /// How many codes there are.
    public var total: Int { counts.reduce(0, +) }

    /// What the codes cost by their own frequencies, in bits: their empirical entropy.
    public var bits: Double {
      var sum = 0.0
      for quantiser in 0...1 {
        let part = counts[256 * quantiser..<256 * (quantiser + 1)]
        let total = part.reduce(0, +)
        for count in part where count > 0 {
          sum += Double(count) * Double(log2(UInt64(total)) - log2(UInt64(count))) / 65_536
        }
      }
      return sum
    }

    /// What a search is to charge for each code.
    ///
    /// - Parameter price: of a bit, in squared steps. At high rate the error falls by 4 with each bit
    ///   and is 0.25 squared steps, so 0.35 is the slope; measured at 2 to 5 bits on Gaussian,
    ///   Laplacian and Student-t data, 0.3 to 0.5 serve equally well.
    public func costs(price: Float) -> Costs {
      var values = [Float](repeating: 0, count: 512)
      for quantiser in 0...1 {
        let total = counts[256 * quantiser..<256 * (quantiser + 1)].reduce(0, +)
        for code in 0..<256 {
          // The rarest code costs 12 bits: the coder has 4096 slots.
          let count = 8 * counts[256 * quantiser + code] + 1
          let bits = log2(UInt64(8 * total + 256)) - log2(UInt64(count))
          values[256 * quantiser + code] = price * (Float(min(bits, 12 << 16)) / 65_536)
        }
      }
      return Costs(values: values)
    }
  }

  /// What a search charges for each quantiser and code, in squared steps.
  public struct Costs: Sendable, Equatable {
    /// `[2, 256]`, code + 128.
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
