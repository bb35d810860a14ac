/// A step that changes a text before it is cut into words.
///
/// The names are those of a `tokenizer.json`'s `normalizer`.
indirect enum Normalizer: Equatable, Sendable {
  /// One after the other.
  case sequence([Normalizer])
  /// Unicode's form C.
  case composed
  /// Lower case scalar by scalar; with `finalSigma` as Python's `str.lower`, to which a sigma at a
  /// word's end is ς.
  case lowercase(finalSigma: Bool)
  /// Puts `with` in place of every match.
  case replace(Pattern, with: [UInt32])
  /// Leaves out white space at the ends.
  case strip(left: Bool, right: Bool)
  /// Puts scalars before a text that is not empty; with `onlyFirst` before the first part of a
  /// text only, be it empty or not, and not after an added token.
  case prepend([UInt32], onlyFirst: Bool)
  /// SentencePiece's table of replacements.
  case precompiled(CharacterMap)
  case bert(BertNormalizer)

  /// Does nothing.
  static let identity = Normalizer.sequence([])

  /// What CLIP's tokenizer does: composed, white space collapsed, in lower case.
  static let clip = Normalizer.sequence([
    .composed, .replace(.expression(.whiteSpace), with: [0x20]), .lowercase(finalSigma: false),
  ])

  /// Changes a text.
  ///
  /// - Parameter isFirst: whether the text begins here; false after an added token.
  func apply(to scalars: inout [UInt32], isFirst: Bool = true) {
    switch self {
    case .sequence(let steps):
      for step in steps { step.apply(to: &scalars, isFirst: isFirst) }
    case .composed: CanonicalComposition.apply(to: &scalars)
    case .lowercase(let finalSigma):
      if finalSigma { LowerCase.applyFinalSigma(to: &scalars) }
      LowerCase.apply(to: &scalars)
    case .replace(let pattern, let content): pattern.replace(in: &scalars, with: content)
    case .strip(let left, let right): Self.strip(&scalars, left, right)
    case .prepend(let content, let onlyFirst):
      if onlyFirst ? isFirst : !scalars.isEmpty { scalars.insert(contentsOf: content, at: 0) }
    case .precompiled(let map): map.apply(to: &scalars)
    case .bert(let normalizer): normalizer.apply(to: &scalars)
    }
  }

  /// The text, changed.
  func normalized(_ scalars: some Sequence<UInt32>, isFirst: Bool = true) -> [UInt32] {
    var result = Array(scalars)
    apply(to: &result, isFirst: isFirst)
    return result
  }

  private static func strip(_ scalars: inout [UInt32], _ left: Bool, _ right: Bool) {
    if right {
      let last = scalars.lastIndex { CharacterClass(of: $0) != .space }
      scalars.removeSubrange((last.map { $0 + 1 } ?? 0)...)
    }
    if left {
      let first = scalars.firstIndex { CharacterClass(of: $0) != .space }
      scalars.removeSubrange(..<(first ?? scalars.endIndex))
    }
  }
}
