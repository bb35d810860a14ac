internal import Architecture
internal import Kernels

/// A tower's graph as a list of kernel calls on registers, each written once.
///
/// What runs faster than the graph's own steps is decided here, by properties of the graph and not
/// of a family: rows that do not reach the output are not computed, constant rows and positions are
/// added in one pass, patches are cut with room for the rows that stand before them.
struct Program: Sendable {
  /// A matrix of each batch, `[rows of the batch, width]`.
  struct Register: Hashable, Sendable {
    var rows: Rows
    var width: Int
  }

  /// Which rows of each input a register has.
  enum Rows: Hashable, Sendable {
    case all(Graph.RowCount)
    /// Those that a mask leaves visible.
    case visible(mask: Int)

    /// One row of each input.
    static let one = Rows.all(Graph.RowCount(1))
  }

  struct Call: Sendable {
    var operation: Operation
    /// Registers.
    var reads: [Int]
    /// `nil` for a call that only looks.
    var writes: Int?
    /// The part of the time that it counts to.
    var part: Stopwatch.Part
  }

  enum Operation: Sendable {
    /// The pixels as a map, row by row.
    case pixels
    /// Windows of pixels (without a register to read) or of a map, with `leading` rows of zeros
    /// before those of each input.
    case windows(Windows, leading: Int)
    /// activation(x · weightᵀ + bias + the second register, if there is one)
    case linear(Linear)
    case groupedConvolution(Windows, Architecture.Operation.Convolution)
    case averagePool(Windows)
    case lookup(rows: Int, scale: Float, weight: String)
    case parameter(rows: Int, weight: String)
    /// Adds a table to the rows of each input.
    case addTable(Table)
    case position(rows: Int, Architecture.Operation.Place, weight: String, mask: Int?)
    /// The rows of several registers, one after the other for each input.
    case concat
    /// One row of each input.
    case gather(pick: Int)
    case gatherVisible(mask: Int)
    case layerNorm(epsilon: Float, weight: String, bias: String?)
    case batchNorm(epsilon: Float, Architecture.Operation.BatchNorm)
    case scale(weight: String)
    /// The second register times the sign, added to the first.
    case add(sign: Int)
    case negate
    /// The second register may have one row.
    case multiply
    case activate(Kernels.Activation)
    case rotate(heads: Int, Architecture.Operation.Pairs, skip: Int)
    case attention(heads: Int, isCausal: Bool, mask: Int?)
    case mean(skip: Int, mask: Int?)
    /// Shows a register under the name of a stage.
    case observe(String)
  }

  struct Linear: Sendable {
    var weight: String
    var bias: String?
    var activation: Kernels.Activation = .none
    /// Whether no other matrix follows: its errors reach the embedding undiminished.
    var isLast = false
  }

  /// Constant rows, positions and a bias, all of which are the same for each input.
  struct Table: Sendable {
    /// Tensors of `[rows, width]`, and the row at which they stand.
    var parts: [(weight: String, rows: Int, at: Int)] = []
    /// Positions from a row of their table on.
    var positions: (weight: String, rows: Int, start: Int)?
    /// Added to the rows from `at` on.
    var bias: (weight: String, at: Int)?
    var rows: Int
  }

  struct Mask: Sendable {
    var hidden: Int
    var before: Int
    var after: Int
    var rows: Graph.RowCount { Graph.RowCount(before + after, hasTokens: true) }
  }

  var registers: [Register] = []
  var calls: [Call] = []
  var picks: [Architecture.Operation.Pick] = []
  var masks: [Mask] = []
  /// The calls of each round of equal blocks.
  var rounds: [Range<Int>] = []
  /// The register with a row for each input.
  var output = 0
  /// Where texts are cut: nothing looks at what follows the picked token.
  var cut: Architecture.Operation.Pick?
  /// Whether texts that begin alike have those rows in common.
  var sharesBeginnings = false
}
