/// BERT's cleaning of a text, as `BertNormalizer` of the tokenizers library does it.
struct BertNormalizer: Equatable, Sendable {
  /// Leaves out control characters and U+FFFD; every white space becomes a space.
  var cleansText = true
  /// Puts spaces around ideographs, so that each becomes a word.
  var handlesChinese = true
  /// Decomposes and leaves out nonspacing marks; `nil` does so where letters become lower case.
  var stripsAccents: Bool?
  var lowercases = true

  func apply(to scalars: inout [UInt32]) {
    if cleansText {
      scalars.removeAll { BertClass.isDropped($0) }
      for i in scalars.indices where CharacterClass(of: scalars[i]) == .space {
        scalars[i] = 0x20
      }
    }
    if handlesChinese, scalars.contains(where: { Self.isIdeograph($0) }) {
      scalars = scalars.flatMap { Self.isIdeograph($0) ? [0x20, $0, 0x20] : [$0] }
    }
    if stripsAccents ?? lowercases {
      scalars = CanonicalComposition.decomposed(scalars)
      scalars.removeAll { BertClass.isNonspacingMark($0) }
    }
    if lowercases { LowerCase.apply(to: &scalars) }
  }

  /// The blocks that BERT's own code lists; it has no newer ones.
  private static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case ..<0x3400: false
    case 0x3400...0x4dbf, 0x4e00...0x9fff, 0xf900...0xfaff, 0x20000...0x2a6df,
      0x2a700...0x2b73f, 0x2b740...0x2b81f, 0x2b920...0x2ceaf, 0x2f800...0x2fa1f:
      true
    default: false
    }
  }
}
