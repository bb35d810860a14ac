/// A name with the number of a round in it.
struct NumberedName {
  private let head: String
  private let tail: String

  /// - Parameter pattern: with `#` where the number stands.
  init(_ pattern: String) {
    let at = pattern.utf8.firstIndex(of: Self.mark) ?? pattern.endIndex
    head = String(pattern[..<at])
    tail = String(decoding: pattern.utf8[at...].dropFirst(), as: UTF8.self)
  }

  private static let mark = UInt8(ascii: "#")

  /// How often a number stands in a name.
  static func places(in pattern: String) -> Int { pattern.utf8.count { $0 == mark } }

  func callAsFunction(_ number: String) -> String { head + number + tail }
}

/// The steps of equal blocks, with the names that they have in each.
struct NumberedSteps {
  let first: Int
  let prefix: NumberedName
  let steps: [Step]
  let stages: [NumberedName?]

  init(_ rounds: TowerNetwork.Rounds) {
    first = rounds.first
    prefix = NumberedName(rounds.prefix)
    steps = rounds.steps
    stages = rounds.steps.map { $0.stage.map(NumberedName.init) }
  }

  /// The steps of a round, counted from 0.
  func callAsFunction(_ round: Int) -> [Step] {
    let number = String(first + round)
    let prefix = prefix(number)
    return steps.indices.map { index in
      var step = steps[index]
      step.operation = step.operation.renamingTensors { prefix + $0 }
      step.stage = stages[index].map { $0(number) }
      return step
    }
  }
}
