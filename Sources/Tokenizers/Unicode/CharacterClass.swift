/// The classes of scalars that CLIP's splitting expression tells apart.
enum CharacterClass: UInt8 {
  case other = 0
  /// `\p{L}`
  case letter = 1
  /// `\p{N}`
  case number = 2
  /// `\s`
  case space = 3

  init(of scalar: UInt32) {
    self = scalar < 0x100 ? Self.latin1[Int(scalar)] : Self.search(scalar)
  }

  private static let latin1: [CharacterClass] = (0..<0x100).map { search($0) }

  private static func search(_ scalar: UInt32) -> CharacterClass {
    let table = UnicodeTables.classBreaks
    let index = UnicodeTables.index(in: table, stride: 1, of: scalar) { $0 >> 2 }
    return CharacterClass(rawValue: UInt8(table[index ?? 0] & 3)) ?? .other
  }
}
