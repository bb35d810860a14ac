/// Where a tensor of a network stands in a checkpoint.
public struct TensorLocation: Equatable, Sendable {
  /// As the checkpoint calls it.
  public var name: String
  /// Which of several equal parts, by rows; `nil` for the whole.
  public var part: Part?
  /// Whether the checkpoint multiplies with it from the right: `x @ W`.
  public var isTransposed: Bool

  /// A part of a matrix in which several are stacked, as queries, keys and values often are.
  public struct Part: Equatable, Sendable {
    public var index: Int
    public var count: Int

    public init(_ index: Int, of count: Int) {
      self.index = index
      self.count = count
    }
  }

  public init(_ name: String, part: Part? = nil, isTransposed: Bool = false) {
    self.name = name
    self.part = part
    self.isTransposed = isTransposed
  }
}
