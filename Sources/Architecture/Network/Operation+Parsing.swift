internal import Bytes

extension Operation {
  /// The keys of each operation besides those that every step may have.
  static let keys: [String: [String]] = [
    "parameter": ["rows", "width", "weight"],
    "lookup": ["rows", "width", "scale", "weight"],
    "mask": ["hidden", "before", "after"],
    "position": ["rows", "start", "row", "weight"],
    "concat": [],
    "conv2d": ["width", "kernel", "stride", "padding", "groups", "weight", "bias"],
    "average_pool": ["kernel", "stride", "padding"],
    "batch_norm": ["epsilon", "weight", "bias", "mean", "variance"],
    "layer_norm": ["epsilon", "weight", "bias"],
    "linear": ["width", "weight", "bias"],
    "scale": ["weight"],
    "add": ["signs"],
    "multiply": [],
    "rotate": ["heads", "pairs", "skip"],
    "attention": ["heads", "causal"],
    "mean": ["skip"],
    "pick": ["row", "token"],
  ]

  /// - Parameters:
  ///   - op: one of `keys`.
  ///   - inputs: how many values the step takes.
  init(parsing members: Members, _ op: String, inputs: Int) throws(FormatError) {
    switch op {
    case "parameter":
      self = .parameter(
        rows: try members.optionalWhole("rows"), width: try members.whole("width"),
        weight: try members.string("weight"))
    case "lookup":
      self = .lookup(
        rows: try members.whole("rows"), width: try members.whole("width"),
        scale: try members.optionalDecimal("scale") ?? 1, weight: try members.string("weight"))
    case "mask":
      self = .mask(
        hidden: try members.whole("hidden"), before: try members.optionalWhole("before") ?? 0,
        after: try members.optionalWhole("after") ?? 0)
    case "position":
      let (start, row) = (
        try members.optionalWhole("start"), try members.optionalWhole("row")
      )
      guard (start == nil) != (row == nil) else {
        throw members.error("one of start and row is needed")
      }
      self = .position(
        rows: try members.whole("rows"), start.map { .start($0) } ?? .row(row ?? 0),
        weight: try members.string("weight"))
    case "conv2d":
      self = .conv2d(
        Convolution(
          width: try members.whole("width"), kernel: try members.pair("kernel"),
          stride: try members.pair("stride", default: Pair(1, 1)),
          padding: try members.pair("padding", default: Pair(0, 0)),
          groups: try members.optionalWhole("groups") ?? 1,
          weight: try members.string("weight"), bias: try members.optionalString("bias")))
    case "average_pool":
      let kernel = try members.pair("kernel")
      self = .averagePool(
        Pool(
          kernel: kernel, stride: try members.pair("stride", default: kernel),
          padding: try members.pair("padding", default: Pair(0, 0))))
    case "batch_norm":
      self = .batchNorm(
        epsilon: try members.decimal("epsilon"),
        BatchNorm(
          weight: try members.string("weight"), bias: try members.string("bias"),
          mean: try members.string("mean"), variance: try members.string("variance")))
    case "layer_norm":
      self = .layerNorm(
        epsilon: try members.decimal("epsilon"), weight: try members.string("weight"),
        bias: try members.optionalString("bias"))
    case "linear":
      self = .linear(
        width: try members.whole("width"), weight: try members.string("weight"),
        bias: try members.optionalString("bias"))
    case "scale":
      self = .scale(weight: try members.string("weight"))
    case "add":
      guard let signs = members.optional("signs") else {
        self = .add(signs: Array(repeating: 1, count: inputs))
        return
      }
      let values = signs.array?.compactMap(\.int) ?? []
      guard values.count == signs.array?.count ?? -1 else {
        throw members.error("signs", signs, "an array of 1 and -1 is allowed")
      }
      self = .add(signs: values)
    case "rotate":
      self = .rotate(
        heads: try members.whole("heads"), try members.choice("pairs"),
        skip: try members.optionalWhole("skip") ?? 0)
    case "attention":
      self = .attention(
        heads: try members.whole("heads"), isCausal: try members.optionalFlag("causal") ?? false)
    case "mean":
      self = .mean(skip: try members.optionalWhole("skip") ?? 0)
    case "pick":
      self = .pick(try Pick(parsing: members))
    case "multiply":
      self = .multiply
    default:
      self = .concat
    }
  }
}

extension Operation.Pick {
  init(parsing members: Members) throws(FormatError) {
    switch (members.optional("row"), members.optional("token")) {
    case (.string("last"), nil): self = .last
    case (_?, nil): self = .row(try members.whole("row"))
    case (nil, .string("largest")): self = .largest
    case (nil, _?): self = .token(try members.whole("token"))
    default: throw members.error("one of row and token is needed")
    }
  }
}
