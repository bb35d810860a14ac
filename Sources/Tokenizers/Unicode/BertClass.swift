/// What BERT's normalizer and pre-tokenizer ask of a scalar.
enum BertClass {
  /// Whether `clean_text` leaves it out: control and format characters, private use, U+FFFD.
  static func isDropped(_ scalar: UInt32) -> Bool { flags(of: scalar) & 1 != 0 }

  /// Whether it is a word of its own.
  static func isPunctuation(_ scalar: UInt32) -> Bool { flags(of: scalar) & 2 != 0 }

  /// Whether `strip_accents` leaves it out: the category Mn.
  static func isNonspacingMark(_ scalar: UInt32) -> Bool { flags(of: scalar) & 4 != 0 }

  private static func flags(of scalar: UInt32) -> UInt32 {
    scalar < 0x80 ? ascii[Int(scalar)] : search(scalar)
  }

  private static let ascii: [UInt32] = (0..<0x80).map { search($0) }

  private static func search(_ scalar: UInt32) -> UInt32 {
    let table = UnicodeTables.bertClassBreaks
    let index = UnicodeTables.index(in: table, stride: 1, of: scalar) { $0 >> 3 }
    return table[index ?? 0] & 7
  }
}
