/// Cuts text by GPT-2's expression, which keeps the space before a word with it:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
struct GPT2Words: Sequence, IteratorProtocol {
  private let scalars: ArraySlice<UInt32>
  private var position: Int

  init(_ scalars: ArraySlice<UInt32>) {
    self.scalars = scalars
    position = scalars.startIndex
  }

  mutating func next() -> ArraySlice<UInt32>? {
    guard position < scalars.endIndex else { return nil }
    let start = position
    if scalars[start] == UInt32(ascii: "'"),
      let contraction = Words.contractions.first(where: { scalars[start...].starts(with: $0) })
    {
      position += contraction.count
      return scalars[start..<position]
    }
    let isSpaced = scalars[start] == 0x20 && start + 1 < scalars.endIndex
    let first = CharacterClass(of: scalars[isSpaced ? start + 1 : start])
    if first != .space {
      position = start + (isSpaced ? 2 : 1)
      while position < scalars.endIndex, CharacterClass(of: scalars[position]) == first {
        position += 1
      }
      return scalars[start..<position]
    }
    while position < scalars.endIndex, CharacterClass(of: scalars[position]) == .space {
      position += 1
    }
    // The last space before a word goes with the word, unless it is the only one.
    if position < scalars.endIndex, position > start + 1 { position -= 1 }
    return scalars[start..<position]
  }
}
