import ArgumentParser

/// One value of an argument that takes any number of them, or all the rest of them.
struct Values: ExpressibleByArgument {
  private let words: [String]

  init?(argument: String) { words = CommandLineWords.given.expanded(argument) }

  static func all(_ values: [Values]) -> [String] { values.flatMap(\.words) }
}
