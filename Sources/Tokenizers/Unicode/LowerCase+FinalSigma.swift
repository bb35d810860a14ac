extension LowerCase {
  /// Replaces every Σ at a word's end by ς, as Python's `str.lower` does: after a cased scalar and
  /// not before one, case-ignorable scalars between them aside.
  static func applyFinalSigma(to scalars: inout [UInt32]) {
    guard scalars.contains(sigma) else { return }
    // From the right, so that what follows is known; in the second pass what precedes.
    var isFollowed = [Bool](repeating: false, count: scalars.count)
    var isCased = false
    for i in scalars.indices.reversed() {
      isFollowed[i] = isCased
      update(&isCased, scalars[i])
    }
    isCased = false
    for i in scalars.indices {
      let scalar = scalars[i]
      if scalar == sigma, isCased, !isFollowed[i] { scalars[i] = finalSigma }
      update(&isCased, scalar)
    }
  }

  private static let sigma: UInt32 = 0x3a3
  private static let finalSigma: UInt32 = 0x3c2

  private static func update(_ isCased: inout Bool, _ scalar: UInt32) {
    let table = UnicodeTables.sigmaClassBreaks
    let index = UnicodeTables.index(in: table, stride: 1, of: scalar) { $0 >> 2 }
    switch table[index ?? 0] & 3 {
    case 0: isCased = false
    case 1: isCased = true
    default: break
    }
  }
}
