/// Lower case scalar by scalar, as Rust's `char::to_lowercase` has it: no context, so no final
/// sigma.
enum LowerCase {
  /// Replaces every scalar by its lower case.
  static func apply(to scalars: inout [UInt32]) {
    var hasDottedI = false
    for i in scalars.indices {
      let scalar = scalars[i]
      if scalar < 0x80 {
        if 0x41...0x5a ~= scalar { scalars[i] = scalar + 0x20 }
      } else if scalar == dottedI {
        hasDottedI = true
      } else {
        scalars[i] = search(scalar)
      }
    }
    if hasDottedI {
      scalars = scalars.flatMap { $0 == dottedI ? [0x69, 0x307] : [$0] }
    }
  }

  /// U+0130, the only scalar whose lower case is two: i and a dot above.
  private static let dottedI: UInt32 = 0x130

  private static func search(_ scalar: UInt32) -> UInt32 {
    let table = UnicodeTables.lowerCaseRuns
    guard let index = UnicodeTables.index(in: table, stride: 3, of: scalar, key: { $0 }) else {
      return scalar
    }
    let stride = table[index + 1] >> 24
    let last = table[index + 1] & UnicodeTables.scalarMask
    guard scalar <= last, (scalar - table[index]) % stride == 0 else { return scalar }
    return scalar &+ table[index + 2]
  }
}
