internal import Bytes

/// The step of a grid as a whole number of 256ths of an octave: step = 2^(exponent / 256).
///
/// Whole numbers can be written down, compared and searched; and the same float32 comes of them on
/// every machine, because no library function is asked.
package struct StepExponent: Equatable, Comparable, Sendable {
  var value: Int

  /// How many make an octave.
  static let octave = 256
  /// What gives normal steps, with room for rows that need coarser ones.
  static let allowed = -110 * octave...110 * octave

  init(_ value: Int) {
    self.value = min(max(value, Self.allowed.lowerBound), Self.allowed.upperBound)
  }

  /// The nearest to a step's binary logarithm.
  init(log2: Double) { self.init(Int(saturating: (log2 * Double(Self.octave)).rounded())) }

  var log2: Double { Double(value) / Double(Self.octave) }

  /// 2^(2^i / 256) for i from 0 to 7, each the nearest double.
  private static let roots: [Double] = [
    1.0027112750502025, 1.0054299011128027, 1.0108892860517005, 1.0218971486541166,
    1.0442737824274138, 1.0905077326652577, 1.189207115002721, 1.4142135623730951,
  ]

  var step: Float {
    let whole = value >> 8
    var fraction = 1.0
    for bit in 0..<8 where value >> bit & 1 == 1 { fraction *= Self.roots[bit] }
    return Float(sign: .plus, exponent: whole, significand: 1) * Float(fraction)
  }

  package static func < (lhs: Self, rhs: Self) -> Bool { lhs.value < rhs.value }
}
