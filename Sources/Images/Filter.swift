internal import Architecture
internal import Platform

/// A function that weighs source pixels by their distance from where a resized pixel lies.
///
/// Distances are in source pixels when enlarging and in resized pixels when reducing. The
/// expressions, down to the order of operations, are those that Pillow's weights come from.
struct Filter {
  /// The function is 0 beyond this distance.
  let support: Double
  let weight: (Double) -> Double

  /// - Returns: `nil` for `nearest`, which weighs nothing.
  init?(_ resample: Preprocessing.Resample) {
    switch resample {
    case .nearest: return nil
    case .box: (support, weight) = (0.5, { -0.5 < $0 && $0 <= 0.5 ? 1 : 0 })
    case .bilinear: (support, weight) = (1, { max(1 - abs($0), 0) })
    case .hamming: (support, weight) = (1, Self.hamming)
    case .bicubic: (support, weight) = (2, Self.bicubic)
    case .lanczos: (support, weight) = (3, Self.lanczos)
    }
  }

  /// Keys' cubic convolution with a = −½.
  private static func bicubic(_ distance: Double) -> Double {
    let a = -0.5
    let x = abs(distance)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  /// A sinc under a Hamming window, whose coefficients are single-precision in Pillow.
  private static func hamming(_ distance: Double) -> Double {
    let x = abs(distance)
    if x == 0 { return 1 }
    if x >= 1 { return 0 }
    let angle = x * Double.pi
    return sin(angle) / angle * (Double(Float(0.54)) + Double(Float(0.46)) * cos(angle))
  }

  /// A sinc under the main lobe of a sinc three times as wide.
  private static func lanczos(_ distance: Double) -> Double {
    -3 <= distance && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
  }

  private static func sinc(_ distance: Double) -> Double {
    if distance == 0 { return 1 }
    let angle = distance * Double.pi
    return sin(angle) / angle
  }
}
