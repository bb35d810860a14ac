/// The built-in pictures: drawn from a fixed seed, with the statistics of photographs, in which
/// contrast grows with the size of what is seen (a power spectrum of about 1/f²), and some plain
/// shapes with sharp edges before them.
package enum ProbePictures {
  static let count = 8

  /// Pictures of `size` × `size` pixels, (size, size, 3) levels each.
  static func all(size: Int) -> [[UInt8]] {
    (0..<count).map { picture(size: size, seed: UInt32($0)) }
  }

  private static func picture(size: Int, seed: UInt32) -> [UInt8] {
    var random = Xorshift(seed: 0x9e37_79b9 &* (seed &+ 1))
    let base = (0..<3).map { _ in 64 + Int(random.next(128)) }
    // Fixed point with 8 fraction bits; integers alone, so that every machine draws the same.
    var levels = (0..<size * size * 3).map { base[$0 % 3] << 8 }
    var cell = size
    var amplitude = 96
    while cell >= 2 {
      addNoise(to: &levels, size: size, cell: cell, amplitude: amplitude, &random)
      cell /= 2
      amplitude = amplitude * 5 / 9
    }
    for _ in 0..<Int(seed % 4) { addShape(to: &levels, size: size, &random) }
    return levels.map { UInt8(max(0, min(255, $0 >> 8))) }
  }

  /// Adds values that are random at the corners of cells and linear between them.
  package static func addNoise(
    to levels: inout [Int], size: Int, cell: Int, amplitude: Int, _ random: inout Xorshift
  ) {
    let corners = size / cell + 2
    // Mostly grey noise with a little colour, as in photographs.
    let values = (0..<corners * corners).map { _ in
      let grey = Int(random.next(UInt32(2 * amplitude))) - amplitude
      return (0..<3).map { _ in grey + (Int(random.next(UInt32(amplitude))) - amplitude / 2) / 2 }
    }
    for y in 0..<size {
      let (row, dy) = (y / cell, y % cell)
      for x in 0..<size {
        let (column, dx) = (x / cell, x % cell)
        let corner = row * corners + column
        for channel in 0..<3 {
          let top =
            values[corner][channel] * (cell - dx) + values[corner + 1][channel] * dx
          let bottom =
            values[corner + corners][channel] * (cell - dx)
            + values[corner + corners + 1][channel] * dx
          levels[(y * size + x) * 3 + channel] +=
            ((top * (cell - dy) + bottom * dy) << 8) / (cell * cell)
        }
      }
    }
  }

  /// Covers a disc or a rectangle with one colour.
  private static func addShape(to levels: inout [Int], size: Int, _ random: inout Xorshift) {
    let colour = (0..<3).map { _ in Int(random.next(256)) << 8 }
    let isDisc = random.next(2) == 0
    let (x0, y0) = (Int(random.next(UInt32(size))), Int(random.next(UInt32(size))))
    let radius = size / 10 + Int(random.next(UInt32(max(size / 5, 1))))
    for y in max(0, y0 - radius)..<min(size, y0 + radius + 1) {
      for x in max(0, x0 - radius)..<min(size, x0 + radius + 1) {
        let (dx, dy) = (x - x0, y - y0)
        guard !isDisc || dx * dx + dy * dy <= radius * radius else { continue }
        for channel in 0..<3 { levels[(y * size + x) * 3 + channel] = colour[channel] }
      }
    }
  }
}
