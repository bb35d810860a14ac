/// A regular expression that is known by its text: runs of scalars of one kind.
///
/// Tokenizers of text towers use few expressions. A list of them, each with its meaning, refuses
/// the others by name, and needs no engine whose time a file from a stranger could spend.
struct Expression: Equatable, Sendable {
  /// As a `tokenizer.json` has it, in Oniguruma's syntax.
  var text: String
  /// Which scalars a match consists of.
  private var kind: Kind
  /// The fewest scalars of a match.
  private(set) var minimum = 1
  /// Whether a match takes the whole run; otherwise every scalar is one.
  private var isRun = true
  /// Where a match has to stand.
  private var place = Place.anywhere

  private enum Kind: Equatable {
    case scalar(UInt32)
    /// `\s`
    case whiteSpace
    /// What Python's `str.isspace` takes for white space: `\s` and U+001C to U+001F.
    case pythonWhiteSpace
    /// The 32 of Python's `string.punctuation`.
    case punctuation
  }

  private enum Place: Equatable {
    case anywhere, start, end, ends
  }

  static let whiteSpace = Expression(text: #"\s+"#, kind: .whiteSpace)
  static let spaces = Expression(text: " {2,}", kind: .scalar(0x20), minimum: 2)
  static let outerSpaces = Expression(text: #"\A +| +\z"#, kind: .scalar(0x20), place: .ends)
  static let leadingSpaces = Expression(text: #"\A +"#, kind: .scalar(0x20), place: .start)
  static let trailingMarks = Expression(
    text: "\u{2581}+\\z", kind: .scalar(Metaspace.mark), place: .end)
  static let pythonWhiteSpace = Expression(
    text: #"[\s\x1c-\x1f]+"#, kind: .pythonWhiteSpace)
  static let outerPythonWhiteSpace = Expression(
    text: #"\A[\s\x1c-\x1f]+|[\s\x1c-\x1f]+\z"#, kind: .pythonWhiteSpace, place: .ends)
  static let punctuation = Expression(
    text: #"[!-/:-@\[-`{-~]"#, kind: .punctuation, isRun: false)

  /// All that are known.
  static let all = [
    whiteSpace, spaces, outerSpaces, leadingSpaces, trailingMarks, pythonWhiteSpace,
    outerPythonWhiteSpace, punctuation,
    Expression(text: #"\s{2,}"#, kind: .whiteSpace, minimum: 2),
    Expression(text: #" +"#, kind: .scalar(0x20)),
  ]

  private init(
    text: String, kind: Kind, minimum: Int = 1, isRun: Bool = true, place: Place = .anywhere
  ) {
    self.text = text
    self.kind = kind
    self.minimum = minimum
    self.isRun = isRun
    self.place = place
  }

  /// Puts `content` in place of every match.
  func replace(in scalars: inout [UInt32], with content: [UInt32]) {
    if isRun, content.count == 1, place == .anywhere {
      return collapse(&scalars, to: content[0])
    }
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    var position = 0
    while position < scalars.count {
      guard matches(scalars[position]) else {
        result.append(scalars[position])
        position += 1
        continue
      }
      let start = position
      position += 1
      if isRun {
        while position < scalars.count, matches(scalars[position]) { position += 1 }
      }
      if position - start >= minimum, stands(start..<position, scalars.count) {
        result += content
      } else {
        result += scalars[start..<position]
      }
    }
    scalars = result
  }

  /// One scalar in place of each run, where the text stands.
  private func collapse(_ scalars: inout [UInt32], to scalar: UInt32) {
    var count = 0
    var position = 0
    while position < scalars.count {
      let start = position
      while position < scalars.count, matches(scalars[position]) { position += 1 }
      if position - start >= minimum {
        scalars[count] = scalar
        count += 1
      } else if position > start {
        for i in start..<position {
          scalars[count] = scalars[i]
          count += 1
        }
      } else {
        scalars[count] = scalars[position]
        count += 1
        position += 1
      }
    }
    scalars.removeSubrange(count...)
  }

  private func matches(_ scalar: UInt32) -> Bool {
    switch kind {
    case .scalar(let own): scalar == own
    case .whiteSpace: CharacterClass(of: scalar) == .space
    case .pythonWhiteSpace:
      CharacterClass(of: scalar) == .space || 0x1c...0x1f ~= scalar
    case .punctuation:
      0x21...0x2f ~= scalar || 0x3a...0x40 ~= scalar || 0x5b...0x60 ~= scalar
        || 0x7b...0x7e ~= scalar
    }
  }

  private func stands(_ range: Range<Int>, _ count: Int) -> Bool {
    switch place {
    case .anywhere: true
    case .start: range.lowerBound == 0
    case .end: range.upperBound == count
    case .ends: range.lowerBound == 0 || range.upperBound == count
    }
  }
}
