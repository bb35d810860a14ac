internal import Bytes

extension Merges {
  /// Adds the merge that a line such as `th e</w>` holds.
  mutating func append(
    line: Span<UInt8>, _ vocabulary: Vocabulary, at offset: Int? = nil
  ) throws(FormatError) {
    let space = try Self.space(in: line, rank: results.count, at: offset)
    try append(
      line.extracting(..<space), line.extracting((space + 1)...), vocabulary, at: offset)
  }

  /// Where the one space stands that parts the two symbols.
  static func space(
    in line: Span<UInt8>, rank: Int, at offset: Int?
  ) throws(FormatError) -> Int {
    var space = 0
    var count = 0
    for i in line.indices where line[i] == UInt8(ascii: " ") {
      space = i
      count += 1
    }
    guard count == 1, space > 0, space + 1 < line.count else {
      let text = String(decoding: line.indices.map { line[$0] }, as: UTF8.self)
      throw FormatError(
        .invalidField,
        "merge \(rank) is \(Vocabulary.quoted(text)), two symbols with one space between are "
          + "needed",
        at: offset)
    }
    return space
  }

  /// Reads the lines of a `merges.txt`.
  ///
  /// Skipped are lines that begin with `#version`, a first line that contains it (OpenAI's file has
  /// its own name before it), and empty lines at the end.
  init(parsing text: Span<UInt8>, _ vocabulary: Vocabulary) throws(FormatError) {
    for range in Self.lines(of: text) {
      try append(line: text.extracting(range), vocabulary, at: range.lowerBound)
    }
  }

  /// The ranges of the lines that hold merges, without their ends.
  static func lines(of text: Span<UInt8>) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != UInt8(ascii: "\n") { end += 1 }
      var last = end
      if last > start, text[last - 1] == UInt8(ascii: "\r") { last -= 1 }
      if !isVersion(text.extracting(start..<last), isFirst: start == 0) {
        lines.append(start..<last)
      }
      start = end + 1
    }
    while let last = lines.last, last.isEmpty { lines.removeLast() }
    return lines
  }

  private static func isVersion(_ line: Span<UInt8>, isFirst: Bool) -> Bool {
    let mark = Array("#version".utf8)
    guard line.count >= mark.count else { return false }
    let places = isFirst ? line.count - mark.count : 0
    return (0...places).contains { place in
      mark.indices.allSatisfy { line[place + $0] == mark[$0] }
    }
  }
}
