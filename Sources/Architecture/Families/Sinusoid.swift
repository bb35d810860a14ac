internal import Bytes

/// Functions for tables that a network needs and no checkpoint holds. Written out, so that every
/// machine computes the same bits; their errors are far below those of float32.
enum Sinusoid {
  /// eˣ for −700 ≤ x ≤ 700, within 10⁻¹⁴ of itself.
  static func exponential(_ x: Double) -> Double {
    let power = (x / 0.693_147_180_559_945_3).rounded()
    // ln 2 in two parts, of which the first has few digits.
    let rest = (x - power * 0.693_145_751_953_125) - power * 1.428_606_820_309_417_2e-6
    var (sum, term) = (1.0, 1.0)
    for n in 1...20 {
      term *= rest / Double(n)
      sum += term
    }
    return sum * Double(sign: .plus, exponent: Int(saturating: power), significand: 1)
  }

  /// For angles up to a million, within 10⁻¹⁰.
  static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
    let quarters = (angle / (Double.pi / 2)).rounded()
    // π/2 in two parts, of which the first has few digits.
    let rest = (angle - quarters * 1.570_796_310_901_641_8) - quarters * 1.589_325_477_352_819_6e-8
    var (sine, cosine, term) = (0.0, 0.0, 1.0)
    for n in 0...20 {
      // restⁿ / n!, with the signs of both series.
      let isNegative = n % 4 > 1
      if n % 2 == 0 {
        cosine += isNegative ? -term : term
      } else {
        sine += isNegative ? -term : term
      }
      term *= rest / Double(n + 1)
    }
    return switch Int(saturating: quarters.truncatingRemainder(dividingBy: 4) + 4) % 4 {
    case 0: (sine, cosine)
    case 1: (cosine, -sine)
    case 2: (-sine, -cosine)
    default: (-cosine, sine)
    }
  }
}
