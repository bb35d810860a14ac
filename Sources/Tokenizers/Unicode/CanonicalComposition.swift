/// Unicode's normalization forms C and D (UAX #15), with the tables of the reference tokenizer.
enum CanonicalComposition {
  /// Brings the scalars into form C.
  static func apply(to scalars: inout [UInt32]) {
    // Nothing below U+0300 composes, decomposes for good, or changes places.
    guard scalars.contains(where: { $0 >= 0x300 }) else { return }
    var result = decomposed(scalars)
    compose(&result)
    scalars = result
  }

  /// The scalars in form D.
  static func decomposed(_ scalars: [UInt32]) -> [UInt32] {
    // Nothing below U+00C0 decomposes.
    guard scalars.contains(where: { $0 >= 0xc0 }) else { return scalars }
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    for scalar in scalars { decompose(scalar, into: &result) }
    reorder(&result)
    return result
  }

  private static func decompose(_ scalar: UInt32, into result: inout [UInt32]) {
    if scalar < 0xc0 { return result.append(scalar) }
    if Hangul.syllables.contains(scalar) {
      let index = scalar - Hangul.firstSyllable
      result.append(Hangul.firstLead + index / Hangul.syllablesPerLead)
      result.append(
        Hangul.firstVowel + index % Hangul.syllablesPerLead / Hangul.syllablesPerVowel)
      let trail = index % Hangul.syllablesPerVowel
      if trail > 0 { result.append(Hangul.lastNoTrail + trail) }
    } else if let (first, second) = pair(scalar) {
      decompose(first, into: &result)
      decompose(second, into: &result)
    } else {
      result.append(singleton(scalar) ?? scalar)
    }
  }

  private static func pair(_ scalar: UInt32) -> (UInt32, UInt32)? {
    let table = UnicodeTables.pairs
    let found = UnicodeTables.index(in: table, stride: 3, of: scalar) {
      $0 & UnicodeTables.scalarMask
    }
    guard let found, table[found] & UnicodeTables.scalarMask == scalar else { return nil }
    return (table[found + 1], table[found + 2])
  }

  private static func singleton(_ scalar: UInt32) -> UInt32? {
    let table = UnicodeTables.singletons
    let found = UnicodeTables.index(in: table, stride: 2, of: scalar) { $0 }
    guard let found, table[found] == scalar else { return nil }
    return table[found + 1]
  }

  /// The canonical combining class.
  private static func combiningClass(_ scalar: UInt32) -> UInt32 {
    if scalar < 0x300 { return 0 }
    let table = UnicodeTables.combiningClassRuns
    let found = UnicodeTables.index(in: table, stride: 2, of: scalar) {
      $0 & UnicodeTables.scalarMask
    }
    guard let found, scalar <= table[found + 1] else { return 0 }
    return table[found] >> 24
  }

  /// Sorts each run of scalars of non-zero class by class; those of one class keep their order.
  private static func reorder(_ scalars: inout [UInt32]) {
    var keys: [UInt64] = []
    var start = 0
    while start < scalars.count {
      // Class, then position, then scalar, in one number: a run of a million marks sorts fast.
      keys.removeAll(keepingCapacity: true)
      var isSorted = true
      var end = start
      while end < scalars.count, case let order = combiningClass(scalars[end]), order != 0 {
        let key = UInt64(order) << 56 | UInt64(end - start) << 24 | UInt64(scalars[end])
        if let last = keys.last, last >> 56 > order { isSorted = false }
        keys.append(key)
        end += 1
      }
      if !isSorted {
        keys.sort()
        for (i, key) in keys.enumerated() {
          scalars[start + i] = UInt32(key & UInt64(UnicodeTables.scalarMask))
        }
      }
      start = end + 1
    }
  }

  private static func compose(_ scalars: inout [UInt32]) {
    var count = 0
    var starter: Int?
    /// The class of the scalar kept last since the starter; 0 when that is the starter itself.
    var lastClass: UInt32 = 0
    for scalar in scalars {
      let order = combiningClass(scalar)
      if let position = starter {
        // Blocked by a scalar between them of the same or a higher class, or of class 0.
        let isAdjacent = count == position + 1
        if isAdjacent || lastClass < order, let whole = composed(scalars[position], scalar) {
          scalars[position] = whole
          continue
        }
      }
      if order == 0 { starter = count }
      lastClass = order
      scalars[count] = scalar
      count += 1
    }
    scalars.removeSubrange(count...)
  }

  private static func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if Hangul.leads.contains(first), Hangul.vowels.contains(second) {
      let lead = first - Hangul.firstLead
      let vowel = second - Hangul.firstVowel
      return Hangul.firstSyllable + lead * Hangul.syllablesPerLead
        + vowel * Hangul.syllablesPerVowel
    }
    if Hangul.syllables.contains(first), Hangul.trails.contains(second),
      (first - Hangul.firstSyllable) % Hangul.syllablesPerVowel == 0
    {
      return first + (second - Hangul.lastNoTrail)
    }
    return second < 0x300 ? nil : compositions[UInt64(first) << 32 | UInt64(second)]
  }

  private static let compositions: [UInt64: UInt32] = {
    var result: [UInt64: UInt32] = [:]
    let table = UnicodeTables.pairs
    for i in stride(from: 0, to: table.count, by: 3) where table[i] >> 31 == 0 {
      result[UInt64(table[i + 1]) << 32 | UInt64(table[i + 2])] = table[i]
    }
    return result
  }()

  /// The arithmetic of Hangul syllables (Unicode, section 3.12).
  private enum Hangul {
    static let firstSyllable: UInt32 = 0xac00
    static let firstLead: UInt32 = 0x1100
    static let firstVowel: UInt32 = 0x1161
    /// One before the first trailing consonant.
    static let lastNoTrail: UInt32 = 0x11a7
    /// 27 trailing consonants, or none.
    static let syllablesPerVowel: UInt32 = 28
    /// 21 vowels.
    static let syllablesPerLead: UInt32 = 21 * 28
    static let leads: Range<UInt32> = 0x1100..<0x1113
    static let vowels: Range<UInt32> = 0x1161..<0x1176
    static let trails: Range<UInt32> = 0x11a8..<0x11c3
    static let syllables: Range<UInt32> = 0xac00..<0xd7a4
  }
}
