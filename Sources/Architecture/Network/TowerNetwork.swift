/// One tower: a function of one image, or of one text of L tokens, to one row.
///
/// Values are matrices of rows, each made by one step and used only by later ones. Batches, tiles
/// and threads are the runtime's affair.
public struct TowerNetwork: Equatable, Sendable {
  public var input: Input
  public var items: [Item]
  /// The value whose one row, over its L2 norm, is the embedding.
  public var output: String

  public init(_ input: Input, _ items: [Item], output: String) {
    self.input = input
    self.items = items
    self.output = output
  }

  /// What a tower takes. The value is called `pixels` or `ids`.
  public enum Input: Equatable, Sendable {
    /// `[channels, height, width]`, preprocessed.
    case pixels(channels: Int, height: Int, width: Int)
    /// From `least` to `most` token ids.
    case ids(least: Int, most: Int)
    /// Exactly `count` token ids; shorter texts are filled up with `padding`, which takes part.
    case paddedIDs(count: Int, padding: Int)

    /// The name of the value.
    public var name: String {
      if case .pixels = self { "pixels" } else { "ids" }
    }
  }

  public enum Item: Equatable, Sendable {
    case step(Step)
    case rounds(Rounds)
  }

  /// Equal blocks, one after the other.
  public struct Rounds: Equatable, Sendable {
    public var count: Int
    /// The number of the first round.
    public var first: Int
    /// Before the name of each tensor; `#` stands for the number of the round, here and in stages.
    public var prefix: String
    /// What the first round takes under this name; the others take the last step's value of the
    /// round before.
    public var from: String
    /// What the last step makes in each round; the last round's goes on under this name.
    public var to: String
    public var steps: [Step]

    public init(
      _ count: Int, first: Int = 0, prefix: String, from: String, to: String, _ steps: [Step]
    ) {
      self.count = count
      self.first = first
      self.prefix = prefix
      self.from = from
      self.to = to
      self.steps = steps
    }
  }
}

extension TowerNetwork {
  /// The same tower with a prefix before the name of each tensor.
  func namingTensors(below prefix: String) -> TowerNetwork {
    var result = self
    result.items = items.map { item in
      switch item {
      case .step(var step):
        step.operation = step.operation.renamingTensors { prefix + $0 }
        return .step(step)
      case .rounds(var rounds):
        rounds.prefix = prefix + rounds.prefix
        return .rounds(rounds)
      }
    }
    return result
  }
}
