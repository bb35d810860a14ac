internal import Architecture
internal import Bytes
internal import Kernels

/// One edge of a picture that is resized, and the part of the result that is wanted.
struct ResizeAxis {
  /// In pixels, before and after resizing.
  let source: Int
  let resized: Int
  /// Positions in the resized edge.
  let wanted: Range<Int>

  /// How the wanted pixels come about.
  enum Plan {
    /// They are source pixels, unchanged; one position for each. `nil` where there is none.
    case copied([Int?])
    case filtered(FilterWindows)
  }

  func plan(_ resample: Preprocessing.Resample) -> Plan {
    if source == resized { return .copied(Array(wanted)) }
    guard let filter = Filter(resample) else { return .copied(nearest) }
    return .filtered(windows(filter))
  }

  /// Pillow steps through the source by repeated addition; so does this, for the same roundings.
  private var nearest: [Int?] {
    let step = Double(source) / Double(resized)
    var position = step * 0.5
    var copied: [Int?] = []
    copied.reserveCapacity(wanted.count)
    for index in 0..<wanted.upperBound {
      if wanted.contains(index) {
        copied.append(position < Double(source) ? Int(saturating: position) : nil)
      }
      position += step
    }
    return copied
  }

  /// When reducing, the filter is stretched, so that every source pixel counts.
  private func windows(_ filter: Filter) -> FilterWindows {
    let scale = Double(source) / Double(resized)
    let stretch = max(scale, 1)
    let support = filter.support * stretch
    let inverse = 1 / stretch
    var windows = FilterWindows(
      widest: min(source, Int(saturating: support.rounded(.up)) * 2 + 1), capacity: wanted.count)
    for index in wanted {
      let center = (Double(index) + 0.5) * scale
      let first = max(0, Int(saturating: center - support + 0.5))
      let end = min(source, Int(saturating: center + support + 0.5))
      var weights = (0..<max(0, end - first)).map {
        filter.weight((Double($0 + first) - center + 0.5) * inverse)
      }
      let total = weights.reduce(0, +)
      if total != 0 { for index in weights.indices { weights[index] /= total } }
      windows.append(start: first, weights: weights.map(Self.fixed))
    }
    return windows
  }

  /// 22 fraction bits, half away from zero.
  private static func fixed(_ weight: Double) -> Int32 {
    Int32((weight < 0 ? -0.5 : 0.5) + weight * Double(1 << 22))
  }
}
