public import Bytes

extension Network {
  /// The section `network` of a pack.
  public var json: JSON {
    var object = JSON.Object()
    object["image"] = image?.json
    object["text"] = text?.json
    object["scores"] = scores?.json
    return .object(object)
  }
}

extension Network.Scores {
  fileprivate var json: JSON {
    var object: JSON.Object = ["rule": .string(rule.rawValue), "scale": .string(scale)]
    object["bias"] = bias.map { .string($0) }
    return .object(object)
  }
}

extension TowerNetwork {
  fileprivate var json: JSON {
    [
      "input": input.json,
      "steps": .array(
        items.map { item in
          switch item {
          case .step(let step): step.json
          case .rounds(let rounds): rounds.json
          }
        }), "output": .string(output),
    ]
  }
}

extension TowerNetwork.Input {
  fileprivate var json: JSON {
    switch self {
    case .pixels(let channels, let height, let width):
      ["pixels": [.integer(channels), .integer(height), .integer(width)]]
    case .ids(let least, let most):
      ["ids": ["least": .integer(least), "most": .integer(most)]]
    case .paddedIDs(let count, let padding):
      ["ids": ["exactly": .integer(count), "padding": .integer(padding)]]
    }
  }
}

extension TowerNetwork.Rounds {
  fileprivate var json: JSON {
    var object: JSON.Object = ["repeat": .integer(count)]
    if first != 0 { object["first"] = .integer(first) }
    object["prefix"] = .string(prefix)
    object["from"] = .string(from)
    object["to"] = .string(to)
    object["steps"] = .array(steps.map(\.json))
    return .object(object)
  }
}

extension Step {
  /// The members in the order of the specification; defaults are left out.
  fileprivate var json: JSON {
    var object: JSON.Object = ["op": .string(operation.name)]
    if inputs.count == 1 {
      object["from"] = .string(inputs[0])
    } else if !inputs.isEmpty {
      object["from"] = .array(inputs.map { .string($0) })
    }
    object["to"] = .string(output)
    operation.write(to: &object)
    object["add"] = addend.map { .string($0) }
    object["activation"] = activation.map { .string($0.rawValue) }
    object["stage"] = stage.map { .string($0) }
    return .object(object)
  }
}

extension Operation {
  fileprivate func write(to object: inout JSON.Object) {
    func set(_ key: String, _ value: Int, unless missing: Int? = nil) {
      if value != missing { object[key] = .integer(value) }
    }
    switch self {
    case .parameter(let rows, let width, let weight):
      set("width", width)
      if let rows { set("rows", rows) }
      object["weight"] = .string(weight)
    case .lookup(let rows, let width, let scale, let weight):
      set("rows", rows)
      set("width", width)
      if scale != 1 { object["scale"] = JSON(decimal: scale) }
      object["weight"] = .string(weight)
    case .mask(let hidden, let before, let after):
      set("hidden", hidden)
      set("before", before, unless: 0)
      set("after", after, unless: 0)
    case .position(let rows, let place, let weight):
      set("rows", rows)
      switch place {
      case .start(let start): set("start", start)
      case .row(let row): set("row", row)
      }
      object["weight"] = .string(weight)
    case .conv2d(let conv):
      set("width", conv.width)
      object["kernel"] = conv.kernel.json
      if conv.stride != Pair(1, 1) { object["stride"] = conv.stride.json }
      if conv.padding != Pair(0, 0) { object["padding"] = conv.padding.json }
      set("groups", conv.groups, unless: 1)
      object["weight"] = .string(conv.weight)
      object["bias"] = conv.bias.map { .string($0) }
    case .averagePool(let pool):
      object["kernel"] = pool.kernel.json
      if pool.stride != pool.kernel { object["stride"] = pool.stride.json }
      if pool.padding != Pair(0, 0) { object["padding"] = pool.padding.json }
    case .batchNorm(let epsilon, let names):
      object["epsilon"] = JSON(decimal: epsilon)
      object["weight"] = .string(names.weight)
      object["bias"] = .string(names.bias)
      object["mean"] = .string(names.mean)
      object["variance"] = .string(names.variance)
    case .layerNorm(let epsilon, let weight, let bias):
      object["epsilon"] = JSON(decimal: epsilon)
      object["weight"] = .string(weight)
      object["bias"] = bias.map { .string($0) }
    case .linear(let width, let weight, let bias):
      set("width", width)
      object["weight"] = .string(weight)
      object["bias"] = bias.map { .string($0) }
    case .scale(let weight):
      object["weight"] = .string(weight)
    case .add(let signs):
      if signs.contains(-1) { object["signs"] = .array(signs.map { .integer($0) }) }
    case .rotate(let heads, let pairs, let skip):
      set("heads", heads)
      object["pairs"] = .string(pairs.rawValue)
      set("skip", skip, unless: 0)
    case .attention(let heads, let isCausal):
      set("heads", heads)
      if isCausal { object["causal"] = true }
    case .mean(let skip):
      set("skip", skip, unless: 0)
    case .pick(let pick):
      switch pick {
      case .row(let row): set("row", row)
      case .last: object["row"] = "last"
      case .token(let id): set("token", id)
      case .largest: object["token"] = "largest"
      }
    case .concat, .multiply:
      break
    }
  }
}

extension Operation.Pair {
  fileprivate var json: JSON { [.integer(height), .integer(width)] }
}

extension JSON {
  /// By way of its digits: 1e-05, which Double(1e-5 as Float) is not.
  init(decimal value: Float) { self = .number(Double(value.description) ?? Double(value)) }
}
