internal import Evidence

/// A square picture on which calibration pictures are drawn, in whole numbers alone, so that every
/// machine draws the same.
struct Canvas {
  typealias Colour = [Int]

  let size: Int
  /// `[size, size, 3]`, fixed point with 8 fraction bits.
  var levels: [Int]
  private var source: Xorshift

  init(size: Int, seed: UInt32) {
    self.size = size
    levels = Array(repeating: 128 << 8, count: size * size * 3)
    source = Xorshift(seed: seed)
  }

  var pixels: [UInt8] { levels.map { UInt8(max(0, min(255, $0 >> 8))) } }

  /// A number below `bound`, or 0.
  mutating func random(_ bound: Int) -> Int { Int(source.next(UInt32(max(bound, 1)))) }

  mutating func anyColour() -> Colour { (0..<3).map { _ in random(256) } }

  /// As most things in photographs have: little colour.
  mutating func mutedColour() -> Colour {
    let (grey, tint) = (16 + random(220), 1 + random(60))
    return (0..<3).map { _ in grey + random(tint) - tint / 2 }
  }

  mutating func paint(_ x: Int, _ y: Int, _ colour: Colour, light: Int = 0) {
    guard x >= 0, y >= 0, x < size, y < size else { return }
    let at = (y * size + x) * 3
    for channel in 0..<3 { levels[at + channel] = (colour[channel] + light) << 8 }
  }

  mutating func fill(_ colour: Colour, isSloped: Bool = false) {
    let slope = (0..<2).map { _ in isSloped ? random(200) - 100 : 0 }
    for y in 0..<size {
      for x in 0..<size {
        paint(x, y, colour, light: (slope[0] * x + slope[1] * y) / size)
      }
    }
  }

  // MARK: As in photographs

  /// Leaves of many sizes, each covering what lies below it; of each size as much area.
  mutating func scatterLeaves(areDiscs: Bool, isTextured: Bool) {
    fill(mutedColour())
    var radii: [Int] = []
    for octave in 0..<4 {
      radii += Array(repeating: max((size / 3) >> octave, 1), count: 5 << (2 * octave))
    }
    for last in stride(from: radii.count - 1, to: 0, by: -1) {
      radii.swapAt(last, random(last + 1))
    }
    for radius in radii {
      let (x0, y0) = (random(size), random(size))
      let radius = max(1, radius * (6 + random(6)) / 10)
      let (width, height) = (radius, max(1, radius * (3 + random(8)) / 10))
      let isVivid = random(5) == 0
      let colour = isVivid ? anyColour() : mutedColour()
      let slope = (random(60) - 30, random(60) - 30)
      let grain = isTextured && random(2) == 0 ? 1 + random(24) : 0
      for y in max(0, y0 - height)..<min(size, y0 + height + 1) {
        for x in max(0, x0 - width)..<min(size, x0 + width + 1) {
          let (dx, dy) = (x - x0, y - y0)
          if areDiscs,
            dx * dx * height * height + dy * dy * width * width
              > width * width * height * height
          {
            continue
          }
          let light = slope.0 * dx / width + slope.1 * dy / height
          paint(x, y, colour, light: grain == 0 ? light : light + random(grain) - grain / 2)
        }
      }
    }
  }

  /// Noise at all scales; the finer, the fainter.
  mutating func addClouds(to colour: Colour) {
    fill(colour)
    var (cell, amplitude) = (size, 48 + random(80))
    let falling = 4 + random(3)
    while cell >= 2, amplitude > 1 {
      ProbePictures.addNoise(
        to: &levels, size: size, cell: cell, amplitude: amplitude, &source)
      cell /= 2
      amplitude = amplitude * falling / 8
    }
  }

  mutating func addGrain(amplitude: Int) {
    for place in 0..<size * size {
      let grey = random(2 * amplitude) - amplitude
      for channel in 0..<3 {
        levels[place * 3 + channel] += (grey + random(amplitude) / 2 - amplitude / 4) << 8
      }
    }
  }

  /// The mean of 3 × 3 pixels.
  mutating func blur() {
    let (sharp, width) = (levels, size * 3)
    guard size > 2 else { return }
    for y in 1..<size - 1 {
      for i in y * width + 3..<(y + 1) * width - 3 {
        var sum = 0
        for row in [i - width, i, i + width] { sum += sharp[row - 3] + sharp[row] + sharp[row + 3] }
        levels[i] = sum / 9
      }
    }
  }
}
