internal import Bytes

/// What a normalizer from a stranger may cost.
extension Normalizer {
  /// How many steps it may have; published ones have up to ten.
  static let maximumSteps = 32
  /// How many times longer replacements may make a text, all steps together.
  static let maximumGrowth = 64

  /// - Throws: `invalidField` for more steps, tables or growth than are allowed.
  func checkLimits(at place: String) throws(FormatError) {
    let steps = steps
    guard steps.count <= Self.maximumSteps else {
      throw FormatError(
        .invalidField,
        "\(place) has \(steps.count) steps, at most \(Self.maximumSteps) are allowed")
    }
    let growth = steps.reduce(1) { min($0 * $1.growth, Self.maximumGrowth + 1) }
    guard growth <= Self.maximumGrowth else {
      throw FormatError(
        .invalidField,
        "\(place) may make texts more than \(Self.maximumGrowth) times longer, which is the most "
          + "allowed")
    }
    let tables = steps.count { if case .precompiled = $0 { true } else { false } }
    guard tables <= 1 else {
      throw FormatError(
        .unsupported, "\(place) has \(tables) tables of replacements, one is known")
    }
  }

  /// All steps, those of sequences in their place.
  private var steps: [Normalizer] {
    if case .sequence(let steps) = self { steps.flatMap(\.steps) } else { [self] }
  }

  /// How many scalars may come of one.
  private var growth: Int {
    let added: Int
    switch self {
    case .replace(.string(let sought), let content):
      added = (content.count + max(sought.count, 1) - 1) / max(sought.count, 1)
    case .replace(.expression(let expression), let content):
      added = (content.count + expression.minimum - 1) / expression.minimum
    case .prepend(let content, _): added = content.count
    default: added = 1
    }
    return min(max(added, 1), Self.maximumGrowth + 1)
  }
}
