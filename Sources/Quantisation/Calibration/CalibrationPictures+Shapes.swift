internal import Evidence

extension CalibrationPictures {
  /// Plain, striped and checkered shapes before plain, sloped and noisy grounds.
  static func shapes(size: Int, number: UInt32) -> [UInt8] {
    var random = Xorshift(seed: 0x85eb_ca6b &* (number &+ 1))
    // Fixed point with 8 fraction bits; integers alone, so that every machine draws the same.
    var levels = ground(size: size, isSloped: number % 2 == 1, &random)
    if number % 4 >= 2 {
      var cell = size
      var amplitude = 8 + Int(random.next(90))
      while cell >= 2, amplitude > 1 {
        ProbePictures.addNoise(to: &levels, size: size, cell: cell, amplitude: amplitude, &random)
        cell /= 2
        amplitude = amplitude * 5 / 9
      }
    }
    for _ in 0..<random.next(5) { addShape(to: &levels, size: size, &random) }
    return levels.map { UInt8(max(0, min(255, $0 >> 8))) }
  }

  private static func ground(
    size: Int, isSloped: Bool, _ random: inout Xorshift
  ) -> [Int] {
    let colour = (0..<3).map { _ in Int(random.next(256)) << 8 }
    let slope = (0..<2).map { _ in isSloped ? Int(random.next(200)) - 100 : 0 }
    return (0..<size * size).flatMap { place in
      let light = (slope[0] * (place % size) + slope[1] * (place / size)) * 256 / size
      return colour.map { $0 + light }
    }
  }

  fileprivate enum Outline: UInt32 { case disc, square, cross, triangle }

  private static func addShape(to levels: inout [Int], size: Int, _ random: inout Xorshift) {
    let outline = Outline(rawValue: random.next(4)) ?? .disc
    let colours = (0..<2).map { _ in (0..<3).map { _ in Int(random.next(256)) << 8 } }
    let (x0, y0) = (Int(random.next(UInt32(size))), Int(random.next(UInt32(size))))
    let radius = max(2, size / 12 + Int(random.next(UInt32(max(size / 4, 1)))))
    let period = max(2, size / 32 + Int(random.next(UInt32(max(size / 8, 1)))))
    let pattern = random.next(4)
    for y in max(0, y0 - radius)..<min(size, y0 + radius + 1) {
      for x in max(0, x0 - radius)..<min(size, x0 + radius + 1) {
        guard outline.covers(x - x0, y - y0, radius) else { continue }
        let stripe = (x / period % 2, y / period % 2)
        let second =
          switch pattern {
          case 1: stripe.0
          case 2: stripe.1
          case 3: stripe.0 ^ stripe.1
          default: 0
          }
        for channel in 0..<3 { levels[(y * size + x) * 3 + channel] = colours[second][channel] }
      }
    }
  }
}

extension CalibrationPictures.Outline {
  /// Whether a place is within a shape of that radius around the origin.
  fileprivate func covers(_ x: Int, _ y: Int, _ radius: Int) -> Bool {
    switch self {
    case .disc: x * x + y * y <= radius * radius
    case .square: max(abs(x), abs(y)) * 5 <= radius * 4
    case .cross: min(abs(x), abs(y)) * 3 <= radius
    case .triangle: y * 2 >= 4 * abs(x) - 2 * radius && y * 2 <= radius
    }
  }
}
