/// What people draw.
extension Canvas {
  /// Lines of what looks like letters, dark on light or the other way round.
  mutating func write() {
    let isDark = random(3) == 0
    let (ground, ink) = (
      isDark ? random(60) : 255 - random(60), isDark ? 255 - random(60) : random(80)
    )
    fill([ground, ground, ground])
    let tint = random(2) == 0 ? anyColour() : [ink, ink, ink]
    var top = size / 32
    while top < size {
      let dot = max(1, size / 112 * (1 + random(4)))
      var left = size / 24 + random(size / 8)
      let end = size - random(size / 3)
      while left < end {
        for _ in 0..<2 + random(7) {
          for y in 0..<7 {
            let row = random(32)
            for x in 0..<5 where row >> x & 1 == 1 {
              for place in 0..<dot * dot {
                paint(left + x * dot + place % dot, top + y * dot + place / dot, tint)
              }
            }
          }
          left += 6 * dot
        }
        left += 4 * dot
      }
      top += 10 * dot
    }
  }

  /// Checkerboards, stripes and grids of one to eight pixels.
  mutating func repeatPattern(everywhere: Bool) {
    let colours = random(2) == 0 ? [[0, 0, 0], [255, 255, 255]] : [anyColour(), anyColour()]
    fill(everywhere ? colours[0] : mutedColour())
    let (period, kind) = (1 + random(8), random(5))
    let edge = everywhere ? 0 : size / 8 + random(size / 8)
    for y in edge..<size - edge {
      for x in edge..<size - edge {
        let (column, row) = (x / period, y / period)
        let isSecond =
          switch kind {
          case 0: column % 2 == 1
          case 1: row % 2 == 1
          case 2: column % 4 == 0 || row % 4 == 0
          default: (column + row) % 2 == 1
          }
        paint(x, y, colours[isSecond ? 1 : 0])
      }
    }
  }

  /// A line drawing: thin strokes and circles on one ground.
  mutating func drawLines() {
    let isDark = random(3) == 0
    fill(isDark ? [10, 10, 10] : [250, 250, 250])
    let ink = random(2) == 0 ? anyColour() : isDark ? [240, 240, 240] : [0, 0, 0]
    for _ in 0..<6 + random(20) {
      let width = 1 + random(3)
      if random(3) == 0 {
        addCircle(width: width, ink)
        continue
      }
      let (x0, y0, x1, y1) = (random(size), random(size), random(size), random(size))
      let steps = max(abs(x1 - x0), abs(y1 - y0), 1)
      for step in 0...steps {
        for place in 0..<width * width {
          paint(
            x0 + (x1 - x0) * step / steps + place % width,
            y0 + (y1 - y0) * step / steps + place / width, ink)
        }
      }
    }
  }

  private mutating func addCircle(width: Int, _ ink: Colour) {
    let (x0, y0, radius) = (random(size), random(size), width + 2 + random(size / 3))
    for y in -radius...radius {
      for x in -radius...radius {
        let square = x * x + y * y
        let inner = radius - width
        if square <= radius * radius, square > inner * inner { paint(x0 + x, y0 + y, ink) }
      }
    }
  }
}
