/// A tower with its rounds unrolled and every shape known: what runs, traces, exports and counts.
///
/// A graph exists only when everything fits: each value is made before it is used and used at least
/// once, each tensor belongs to one step, no extent is beyond `NetworkLimits`, and the output is
/// one row.
public struct Graph: Equatable, Sendable {
  public let tower: Tower
  public let input: TowerNetwork.Input
  public internal(set) var nodes: [Node] = []
  /// The input is value 0.
  public internal(set) var values: [Value]
  /// The nodes of each round of equal blocks, in order.
  public internal(set) var rounds: [Range<Int>] = []
  /// The value that is the embedding before it is normalised.
  public internal(set) var output = 0

  /// A graph without steps.
  init(tower: Tower, input: TowerNetwork.Input, value: Value) {
    self.tower = tower
    self.input = input
    values = [value]
  }

  /// A step whose operands are known by number.
  public struct Node: Equatable, Sendable {
    /// Tensors are named in full.
    public let operation: Operation
    /// Indices of values.
    public let inputs: [Int]
    public let addend: Int?
    public let activation: Activation?
    public let output: Int
    public let stage: String?
    /// Where the step stands, for messages: `network.text.steps[3]`.
    public let place: String

    /// All values that the node reads.
    public var operands: [Int] { inputs + (addend.map { [$0] } ?? []) }
  }

  /// What flows along an edge.
  public struct Value: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
      /// `[rows, width]`
      case rows
      /// `[rows, width]` of a map, with rows in reading order.
      case map(height: Int, width: Int)
      /// Token ids.
      case ids
      /// Which rows are visible.
      case mask
    }

    public let name: String
    public let kind: Kind
    public let rows: RowCount
    /// Columns; 1 for ids and masks.
    public let width: Int
    /// Whether no input reaches it.
    public let isConstant: Bool
  }

  /// A number of rows: `constant`, or `constant + L` for a text of L tokens.
  public struct RowCount: Hashable, Sendable, CustomStringConvertible {
    public var constant: Int
    public var hasTokens: Bool

    public init(_ constant: Int, hasTokens: Bool = false) {
      self.constant = constant
      self.hasTokens = hasTokens
    }

    public func at(_ tokens: Int) -> Int { hasTokens ? constant + tokens : constant }

    public var description: String {
      !hasTokens ? "\(constant)" : constant == 0 ? "L" : "L + \(constant)"
    }
  }

  /// The least and the greatest number of tokens; 0 for an image.
  public var tokens: ClosedRange<Int> {
    switch input {
    case .pixels: 0...0
    case .ids(let least, let most): least...most
    case .paddedIDs(let count, _): count...count
    }
  }

  /// The columns of the embedding.
  public var width: Int { values[output].width }

  /// Every tensor, in the order of the nodes that use them.
  public var parameters: [Parameter] {
    let edges = edgeNodes
    return nodes.indices.flatMap { index in
      tensors(of: nodes[index]).map { tensor in
        Parameter(
          name: tensor.name, shape: tensor.shape, tower: tower, role: tensor.role,
          isAtEdge: edges.contains(index))
      }
    }
  }

  /// The values that are compared with another implementation's, in order of computation.
  public var stages: [(name: String, value: Int)] {
    nodes.compactMap { node in node.stage.map { ($0, node.output) } }
  }
}
