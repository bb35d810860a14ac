/// The built-in pictures that weights are rounded for: drawn from a fixed seed, and as different
/// from each other as simple means allow, since what never occurs among them is rounded blindly.
///
/// Half of them have statistics of photographs: leaves that cover one another at all scales, with
/// edges between (dead leaves: A. Lee, D. Mumford and J. Huang, "Occlusion models for natural
/// images", IJCV 41, 2001), and clouds with power spectra about 1/f². The others are what people
/// draw: writing, fine patterns, shapes and lines.
///
/// None of them is among the pictures that a pack is measured with.
enum CalibrationPictures {
  /// Pictures of `size` × `size` pixels, (size, size, 3) levels each.
  static func all(size: Int, _ count: Int) -> [[UInt8]] {
    (0..<count).map { picture(size: size, number: $0) }
  }

  private static func picture(size: Int, number: Int) -> [UInt8] {
    // Those of which gradients are taken where nothing is rounded for pictures stay as they are.
    guard number >= 4, number % 8 != 1 else { return shapes(size: size, number: UInt32(number)) }
    var canvas = Canvas(size: size, seed: 0x85eb_ca6b &* UInt32(number + 1))
    let round = number / 8
    switch number % 8 {
    case 4: canvas.scatterLeaves(areDiscs: true, isTextured: round % 2 == 1)
    case 5: canvas.addClouds(to: canvas.mutedColour())
    case 6:
      canvas.scatterLeaves(areDiscs: false, isTextured: round % 2 == 0)
      canvas.blur()
    case 7: canvas.write()
    case 0: canvas.repeatPattern(everywhere: round % 2 == 0)
    case 2: canvas.drawLines()
    default:
      canvas.fill(canvas.anyColour(), isSloped: true)
      canvas.addGrain(amplitude: 2 << canvas.random(6))
      if round % 2 == 1 { canvas.blur() }
    }
    return canvas.pixels
  }
}
