/// Cuts normalised text into the words that are encoded each on its own.
///
/// What CLIP's expression finds:
///
///     <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
///
/// transformers then cuts each find by GPT-2's expression, which divides only the two special
/// tokens: `<|`, `startoftext`, `|>`.
struct Words: Sequence, IteratorProtocol {
  private let scalars: ArraySlice<UInt32>
  private var position: Int
  /// Up to where a special token's text reaches that is being cut into three.
  private var special = 0

  init(_ scalars: ArraySlice<UInt32>) {
    self.scalars = scalars
    position = scalars.startIndex
  }

  mutating func next() -> ArraySlice<UInt32>? {
    while position < scalars.endIndex, CharacterClass(of: scalars[position]) == .space {
      position += 1
    }
    guard position < scalars.endIndex else { return nil }
    let start = position
    let limit = limit()
    let first = CharacterClass(of: scalars[start])
    position += contraction() ?? 1
    if position > start + 1 || first == .number { return scalars[start..<position] }
    while position < limit, CharacterClass(of: scalars[position]) == first { position += 1 }
    return scalars[start..<position]
  }

  /// Where a run has to end: the end of the text, or of the special token that begins here or
  /// that is being cut.
  private mutating func limit() -> Int {
    if position >= special, scalars[position] == UInt32(ascii: "<") {
      for token in Self.specials where scalars[position...].starts(with: token) {
        special = position + token.count
      }
    }
    return position < special ? special : scalars.endIndex
  }

  /// How long the contraction is that begins here.
  private func contraction() -> Int? {
    guard scalars[position] == UInt32(ascii: "'") else { return nil }
    return Self.contractions.first { scalars[position...].starts(with: $0) }?.count
  }

  /// As a `tokenizer.json` has it.
  static let expression =
    #"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#

  private static let specials = ["<|startoftext|>", "<|endoftext|>"].map(scalars)
  static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map(scalars)

  private static func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }
}

extension UInt32 {
  init(ascii scalar: Unicode.Scalar) { self = UInt32(UInt8(ascii: scalar)) }
}
