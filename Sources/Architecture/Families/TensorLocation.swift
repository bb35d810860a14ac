/// Where a tensor of a network stands in a checkpoint.
public struct TensorLocation: Sendable {
  /// As the checkpoint calls it.
  public var name: String
  /// Which of several equal parts, by rows; `nil` for the whole.
  public var part: Part?
  /// Whether the checkpoint multiplies with it from the right: `x @ W`.
  public var isTransposed: Bool
  /// How many extents of 1 the checkpoint has before those of the network, and behind them.
  public var ones: (before: Int, behind: Int)
  /// The file that the family's library has it in.
  public var file = TensorLocation.mainFile

  public static let mainFile = "model.safetensors"

  /// A part of a matrix in which several are stacked, as queries, keys and values often are.
  public struct Part: Equatable, Sendable {
    public var index: Int
    public var count: Int

    public init(_ index: Int, of count: Int) {
      self.index = index
      self.count = count
    }
  }

  public init(
    _ name: String, part: Part? = nil, isTransposed: Bool = false,
    ones: (before: Int, behind: Int) = (0, 0)
  ) {
    self.name = name
    self.part = part
    self.isTransposed = isTransposed
    self.ones = ones
  }
}
