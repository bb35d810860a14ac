internal import Architecture
internal import Bytes
internal import Tensors

/// How two towers share a rate.
///
/// Both are to lose alike. Where one is so sensitive that the other would be starved for it, their
/// rates come no further apart than three bits a weight: an even share of the rate then costs the
/// other eight times the loss at most, which leaves it below that of block formats of the same
/// size.
struct Balance {
  /// 256ths of an octave on top of a common level, by tower.
  let levels: [Tower: Int]
  /// A sentence for people, where the towers do not lose alike.
  let note: String?

  /// Bits a weight.
  private static let furthest = 3.0

  init(_ relative: [RateSearch.Relative]) {
    func bits(_ entries: [RateSearch.Relative]) -> Double? {
      let count = entries.reduce(0.0) { $0 + Double($1.parameter.shape.count) }
      guard count > 0 else { return nil }
      return entries.reduce(0.0) {
        $0 + Double($1.parameter.shape.count) * RateSearch.bits(of: $1, at: 0)
      } / count
    }
    func bits(of tower: Tower) -> Double? {
      bits(relative.filter { ($0.parameter.tower ?? .image) == tower })
    }
    guard let image = bits(of: .image), let text = bits(of: .text), let mean = bits(relative),
      abs(image - text) > Self.furthest
    else {
      (levels, note) = ([:], nil)
      return
    }
    let left = 1 - Self.furthest / abs(image - text)
    levels = [image, text].enumerated().reduce(into: [:]) { levels, own in
      let tower: Tower = own.offset == 0 ? .image : .text
      levels[tower] = Int(saturating: (left * 256 * (own.element - mean)).rounded())
    }
    let (fragile, other) = image > text ? (Tower.image, Tower.text) : (.text, .image)
    note =
      "the \(fragile.rawValue) tower is so sensitive that it would need "
      + "\(decimal(abs(image - text), 1)) bits a weight more than the \(other.rawValue) tower to "
      + "lose as little; it has \(decimal(Self.furthest, 0)) more, so that the other is not starved"
  }
}
