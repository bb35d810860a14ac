public import Bytes

extension Network {
  /// Reads the section `network` of a pack. What it says is not yet checked to fit together: that a
  /// `Graph` does.
  ///
  /// - Throws: `FormatError` with the place, what was found and what is allowed; `unsupported` for
  ///   an operation or a key that this program does not know.
  public init(parsing json: JSON) throws(FormatError) {
    let root = try Members(json, "network", ["image", "text", "scores"])
    image = try root.optional("image").map { json throws(FormatError) in
      try TowerNetwork(parsing: json, "network.image")
    }
    text = try root.optional("text").map { json throws(FormatError) in
      try TowerNetwork(parsing: json, "network.text")
    }
    scores = try root.optional("scores").map { json throws(FormatError) in
      try Scores(parsing: json)
    }
    guard image != nil || text != nil else {
      throw FormatError(.invalidField, "network has neither image nor text, one is needed")
    }
    guard (scores != nil) == (image != nil && text != nil) else {
      throw FormatError(
        .inconsistent,
        scores == nil
          ? "network.scores is missing, a model of two towers needs it"
          : "network.scores is there, a model of one tower has none")
    }
  }
}

extension Network.Scores {
  fileprivate init(parsing json: JSON) throws(FormatError) {
    let members = try Members(json, "network.scores", ["rule", "scale", "bias"])
    rule = try members.choice("rule")
    scale = try members.string("scale")
    bias = try members.optionalString("bias")
  }
}

extension TowerNetwork {
  fileprivate init(parsing json: JSON, _ place: String) throws(FormatError) {
    let members = try Members(json, place, ["input", "steps", "output"])
    input = try Input(parsing: try members.required("input"), place + ".input")
    items = []
    for (index, json) in try members.array("steps").enumerated() {
      let here = "\(place).steps[\(index)]"
      items.append(
        json["repeat"] == nil
          ? .step(try Step(parsing: json, here)) : .rounds(try Rounds(parsing: json, here)))
    }
    output = try members.string("output")
  }
}

extension TowerNetwork.Input {
  fileprivate init(parsing json: JSON, _ place: String) throws(FormatError) {
    let members = try Members(json, place, ["pixels", "ids"])
    guard (members.optional("pixels") == nil) != (members.optional("ids") == nil) else {
      throw members.error("one of pixels and ids is needed")
    }
    if let pixels = members.optional("pixels") {
      let extents = pixels.array?.compactMap(\.int) ?? []
      guard extents.count == 3, pixels.array?.count == 3 else {
        throw members.error("pixels", pixels, "[channels, height, width] is needed")
      }
      self = .pixels(channels: extents[0], height: extents[1], width: extents[2])
      return
    }
    let ids = try Members(
      try members.required("ids"), place + ".ids", ["least", "most", "exactly", "padding"])
    if ids.optional("exactly") != nil {
      guard ids.optional("least") == nil, ids.optional("most") == nil else {
        throw ids.error("exactly excludes least and most")
      }
      self = .paddedIDs(count: try ids.whole("exactly"), padding: try ids.whole("padding"))
    } else {
      guard ids.optional("padding") == nil else {
        throw ids.error("padding goes with exactly alone")
      }
      self = .ids(least: try ids.whole("least"), most: try ids.whole("most"))
    }
  }
}

extension TowerNetwork.Rounds {
  fileprivate init(parsing json: JSON, _ place: String) throws(FormatError) {
    let members = try Members(
      json, place, ["repeat", "first", "prefix", "from", "to", "steps"])
    var steps: [Step] = []
    for (index, json) in try members.array("steps").enumerated() {
      let here = "\(place).steps[\(index)]"
      guard json["repeat"] == nil else {
        throw FormatError(.invalidField, "\(here) is a repeat inside a repeat")
      }
      steps.append(try Step(parsing: json, here))
    }
    self.init(
      try members.whole("repeat"), first: try members.optionalWhole("first") ?? 0,
      prefix: try members.string("prefix"), from: try members.string("from"),
      to: try members.string("to"), steps)
  }
}

extension Step {
  fileprivate init(parsing json: JSON, _ place: String) throws(FormatError) {
    let op = try Members(json, place, nil).string("op")
    guard let keys = Operation.keys[op] else {
      throw FormatError(
        .unsupported,
        "\(place).op is \(JSON.string(op).excerpt), which this program does not know: a newer "
          + "clip-pack is needed")
    }
    let members = try Members(
      json, place, ["op", "from", "to", "add", "activation", "stage"] + keys)
    var inputs: [String] = []
    if let from = members.optional("from") {
      let names = from.string.map { [$0] } ?? from.array?.compactMap(\.string) ?? []
      guard names.count == (from.array?.count ?? 1), from.array.map({ $0.count != 1 }) ?? true
      else {
        throw members.error("from", from, "the name of a value or several names are allowed")
      }
      inputs = names
    }
    self.init(
      try Operation(parsing: members, op, inputs: inputs.count), inputs,
      to: try members.string("to"), add: try members.optionalString("add"),
      activation: try members.optional("activation").map { _ throws(FormatError) in
        try members.choice("activation")
      }, stage: try members.optionalString("stage"))
  }
}
