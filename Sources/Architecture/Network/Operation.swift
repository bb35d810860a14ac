/// What a step computes. Shapes and formulas: `Formats/network.md`.
///
/// x is the first input, `[T, D]`. Tensors are named in full, but within rounds, where the prefix
/// of the rounds stands before them.
public enum Operation: Equatable, Sendable {
  /// → `[rows, width]`, a tensor itself; `[1, width]` of a tensor `[width]` where `rows` is `nil`.
  case parameter(rows: Int?, width: Int, weight: String)
  /// ids → `[L, width]`: `scale · weight[ids[t]]`, of a table `[rows, width]`.
  case lookup(rows: Int, width: Int, scale: Float, weight: String)
  /// ids → which rows are visible: `before` that are, those whose id is not `hidden`, `after` that
  /// are.
  case mask(hidden: Int, before: Int, after: Int)
  /// x, or x and a mask → x with a row of a table `[rows, D]` added to each row.
  case position(rows: Int, Place, weight: String)
  /// 2 to 8 inputs, one after the other.
  case concat
  /// A map → a map, by windows.
  case conv2d(Convolution)
  /// A map → a map: the mean of those elements of each window that lie in the map.
  case averagePool(Pool)
  /// (x − mean) / √(variance + ε) ⊙ weight + bias, each `[D]`.
  case batchNorm(epsilon: Float, BatchNorm)
  /// (x − μ) / √(σ² + ε) ⊙ weight + bias, with mean and biased variance of each row.
  case layerNorm(epsilon: Float, weight: String, bias: String?)
  /// x · weightᵀ + bias, of a weight `[width, D]`.
  case linear(width: Int, weight: String, bias: String?)
  /// x ⊙ weight, `[D]`.
  case scale(weight: String)
  /// Σ ± x of 1 to 8 equal shapes; a sign of 1 or −1 for each.
  case add(signs: [Int])
  /// x ⊙ z, where z is like x or one row.
  case multiply
  /// x, cosines, sines → x with pairs of each head's columns rotated, from row `skip` on.
  case rotate(heads: Int, Pairs, skip: Int)
  /// q `[T, D]`, k and v `[S, D]`, a mask of S or none → `[T, D]`.
  case attention(heads: Int, isCausal: Bool)
  /// x, or x and a mask → the mean of the (visible) rows from `skip` on.
  case mean(skip: Int)
  /// x, or x and ids → one row of x.
  case pick(Pick)

  /// Two whole numbers, of height and of width.
  public struct Pair: Equatable, Sendable {
    public var height: Int
    public var width: Int

    public init(_ height: Int, _ width: Int) {
      self.height = height
      self.width = width
    }
  }

  /// Which row of its table `position` adds to row t.
  public enum Place: Equatable, Sendable {
    /// `start + t`; with a mask m `start − 1 + m[t] · Σ m[0…t]`.
    case start(Int)
    /// The same row for all.
    case row(Int)
  }

  public struct Convolution: Equatable, Sendable {
    public var width: Int
    public var kernel: Pair
    public var stride: Pair
    /// Zeros on both sides.
    public var padding: Pair
    /// Each group of output channels sees its own group of input channels.
    public var groups: Int
    /// `[width, D / groups, kernel.height, kernel.width]`
    public var weight: String
    public var bias: String?

    public init(
      width: Int, kernel: Pair, stride: Pair = Pair(1, 1), padding: Pair = Pair(0, 0),
      groups: Int = 1, weight: String, bias: String? = nil
    ) {
      self.width = width
      self.kernel = kernel
      self.stride = stride
      self.padding = padding
      self.groups = groups
      self.weight = weight
      self.bias = bias
    }
  }

  public struct Pool: Equatable, Sendable {
    public var kernel: Pair
    public var stride: Pair
    /// On both sides; what lies there takes no part in a mean.
    public var padding: Pair

    /// - Parameter stride: the kernel's unless told.
    public init(kernel: Pair, stride: Pair? = nil, padding: Pair = Pair(0, 0)) {
      self.kernel = kernel
      self.stride = stride ?? kernel
      self.padding = padding
    }
  }

  /// The tensors of a batch normalisation, each `[D]`.
  public struct BatchNorm: Equatable, Sendable {
    public var weight: String
    public var bias: String
    public var mean: String
    public var variance: String

    public init(weight: String, bias: String, mean: String, variance: String) {
      self.weight = weight
      self.bias = bias
      self.mean = mean
      self.variance = variance
    }
  }

  /// Which columns of a head, of d, are rotated together.
  public enum Pairs: String, CaseIterable, Sendable {
    /// 2i and 2i + 1
    case adjacent
    /// i and i + d/2
    case halves
  }

  public enum Pick: Equatable, Sendable {
    case row(Int)
    case last
    /// The first row with this id; the first row where there is none.
    case token(Int)
    /// The first row with the largest id.
    case largest

    /// The row that stands for a whole text.
    ///
    /// - Parameter ids: those of the text; not looked at for `row` and `last`.
    /// - Precondition: there is an id.
    public func position(in ids: [Int]) -> Int {
      precondition(!ids.isEmpty, "a text without tokens")
      return switch self {
      case .row(let row): row
      case .last: ids.count - 1
      case .token(let id): ids.firstIndex(of: id) ?? 0
      case .largest: ids.indices.reduce(0) { ids[$1] > ids[$0] ? $1 : $0 }
      }
    }
  }
}

extension Operation {
  /// The name in a pack.
  public var name: String {
    switch self {
    case .parameter: "parameter"
    case .lookup: "lookup"
    case .mask: "mask"
    case .position: "position"
    case .concat: "concat"
    case .conv2d: "conv2d"
    case .averagePool: "average_pool"
    case .batchNorm: "batch_norm"
    case .layerNorm: "layer_norm"
    case .linear: "linear"
    case .scale: "scale"
    case .add: "add"
    case .multiply: "multiply"
    case .rotate: "rotate"
    case .attention: "attention"
    case .mean: "mean"
    case .pick: "pick"
    }
  }

  /// Whether a value may be added to the result.
  var takesAddend: Bool {
    switch self {
    case .conv2d, .batchNorm, .linear, .scale: true
    default: false
    }
  }

  /// Whether the result may go through an activation.
  var takesActivation: Bool {
    switch self {
    case .add, .multiply: true
    default: takesAddend
    }
  }

  /// The same operation with each tensor's name changed.
  func renamingTensors(_ rename: (String) -> String) -> Operation {
    switch self {
    case .parameter(let rows, let width, let weight):
      return .parameter(rows: rows, width: width, weight: rename(weight))
    case .lookup(let rows, let width, let scale, let weight):
      return .lookup(rows: rows, width: width, scale: scale, weight: rename(weight))
    case .position(let rows, let place, let weight):
      return .position(rows: rows, place, weight: rename(weight))
    case .conv2d(var convolution):
      convolution.weight = rename(convolution.weight)
      convolution.bias = convolution.bias.map(rename)
      return .conv2d(convolution)
    case .batchNorm(let epsilon, let names):
      return .batchNorm(
        epsilon: epsilon,
        BatchNorm(
          weight: rename(names.weight), bias: rename(names.bias), mean: rename(names.mean),
          variance: rename(names.variance)))
    case .layerNorm(let epsilon, let weight, let bias):
      return .layerNorm(epsilon: epsilon, weight: rename(weight), bias: bias.map(rename))
    case .linear(let width, let weight, let bias):
      return .linear(width: width, weight: rename(weight), bias: bias.map(rename))
    case .scale(let weight):
      return .scale(weight: rename(weight))
    case .mask, .concat, .averagePool, .add, .multiply, .rotate, .attention, .mean, .pick:
      return self
    }
  }
}
