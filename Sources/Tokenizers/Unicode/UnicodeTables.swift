/// What the reference tokenizer knows of Unicode, which is what no one version of Unicode says.
///
/// The Swift standard library's own properties follow another version, and a newer one with every
/// release; a token id must not. `Scripts/make_unicode_tables.py` makes the tables.
enum UnicodeTables {
  /// The index of the last of the ascending `keys` that is at most `value`; `nil` if none is.
  ///
  /// - Parameters:
  ///   - stride: how many numbers an entry takes; its first one holds the key.
  ///   - key: the key in that first number.
  static func index(
    in table: [UInt32], stride: Int, of value: UInt32, key: (UInt32) -> UInt32
  ) -> Int? {
    var lower = 0
    var upper = table.count / stride
    while lower < upper {
      let middle = (lower + upper) / 2
      if key(table[middle * stride]) <= value { lower = middle + 1 } else { upper = middle }
    }
    return lower == 0 ? nil : (lower - 1) * stride
  }

  static let scalarMask: UInt32 = 0xff_ffff
}
