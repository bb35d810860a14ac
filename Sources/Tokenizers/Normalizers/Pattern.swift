/// What a `Replace` or a `Split` of a `tokenizer.json` looks for.
enum Pattern: Equatable, Sendable {
  /// These scalars, as they stand.
  case string([UInt32])
  /// One of the few expressions that tokenizers of text towers use.
  case expression(Expression)

  /// Puts `content` in place of every match, from left to right.
  func replace(in scalars: inout [UInt32], with content: [UInt32]) {
    switch self {
    case .string(let sought): Self.replace(sought, in: &scalars, with: content)
    case .expression(let expression): expression.replace(in: &scalars, with: content)
    }
  }

  private static func replace(
    _ sought: [UInt32], in scalars: inout [UInt32], with content: [UInt32]
  ) {
    guard let first = sought.first else { return }
    if sought.count == 1, content.count == 1 {
      for i in scalars.indices where scalars[i] == first { scalars[i] = content[0] }
      return
    }
    var result: [UInt32] = []
    result.reserveCapacity(scalars.count)
    var position = 0
    while position < scalars.count {
      if scalars[position] == first, scalars[position...].starts(with: sought) {
        result += content
        position += sought.count
      } else {
        result.append(scalars[position])
        position += 1
      }
    }
    scalars = result
  }
}
