package import Architecture
internal import Bytes
internal import PackFormat
internal import Tensors
package import Tokenizers

/// What must fit together in a pack before anything of it is run: nothing that a file says may
/// meet a precondition later, or make the towers reserve memory that the file does not back.
struct PackContents {
  let pack: Pack
  let graph: NetworkGraph
  let preprocessing: Preprocessing?

  func check() throws(FormatError) {
    try checkConfiguration()
    try checkTensors()
    try checkPreprocessing()
  }

  /// Every tensor of the network is there in its shape, and no other tensor claims to be
  /// part of the model.
  private func checkTensors() throws(FormatError) {
    let parameters = graph.parameters
    for parameter in parameters {
      guard let tensor = pack.tensor(parameter.name), tensor.isModel else {
        throw FormatError(
          .inconsistent, "it is missing, the network needs it", tensor: parameter.name)
      }
      guard tensor.shape == parameter.shape else {
        throw FormatError(
          .inconsistent, "it is \(tensor.shape), the network needs \(parameter.shape)",
          tensor: parameter.name)
      }
      guard tensor.elementType.isWeightType else {
        throw FormatError(
          .inconsistent, "it is \(tensor.elementType.rawValue), F32, F16 or BF16 is needed",
          tensor: parameter.name)
      }
      guard parameter.role != .vector || tensor.codec != PackedTensor.Codec.grid.rawValue else {
        throw FormatError(
          .inconsistent, "it is coded on a grid, codec 0 (plain) is needed",
          tensor: parameter.name)
      }
    }
    let count = pack.tensors.count(where: \.isModel)
    guard count == parameters.count else {
      throw FormatError(
        .inconsistent,
        "\(count) tensors say they are part of the model, the network needs "
          + "\(parameters.count)")
    }
  }

  /// The source's own words, where this program understands them, say the same.
  private func checkConfiguration() throws(FormatError) {
    guard let json = try pack.json(.configuration), let family = try Families.read(json) else {
      return
    }
    guard family.network == graph.network else {
      throw FormatError(
        .inconsistent,
        "section \"configuration\" describes another network than section "
          + "\"network\"")
    }
  }

  private func checkPreprocessing() throws(FormatError) {
    guard case .pixels(_, let height, let width)? = graph.image?.input else { return }
    guard let preprocessing else {
      throw FormatError(
        .inconsistent, "section \"preprocessing\" is missing, the image tower needs it")
    }
    let size = Preprocessing.Size(height: height, width: width)
    guard preprocessing.outputSize == size else {
      throw FormatError(
        .inconsistent,
        "the preprocessing does not give pictures of \(size.height)×\(size.width), which the "
          + "image tower needs")
    }
  }
}

extension Preprocessing {
  /// Height and width of what comes out, where that does not depend on the picture.
  fileprivate var outputSize: Size? {
    if let crop { return crop }
    if case .exact(let size) = resize { return size }
    return nil
  }
}

extension Tokenizer {
  /// Why this tokenizer cannot be that of a text tower, as a clause; `nil` when it can.
  package func misfit(with text: Graph) -> String? {
    if count > text.vocabularySize {
      return "the tokenizer has \(count) tokens, the model's table has \(text.vocabularySize)"
    }
    let most = text.tokens.upperBound
    if most < frameCount {
      return "the model has \(most) positions, the tokenizer needs \(frameCount) for start and end"
    }
    if let misfit = paddingMisfit(with: text) { return misfit }
    let end = end.map { "\($0)" } ?? "none"
    for node in text.nodes {
      switch node.operation {
      case .pick(.token(let id)) where "\(id)" != end:
        return "the tokenizer ends a text with id \(end), the model pools at id \(id)"
      case .pick(.largest) where end != "\(count - 1)":
        return "the tokenizer ends a text with id \(end), the model pools at the largest id, "
          + "which is \(count - 1)"
      default: continue
      }
    }
    return nil
  }

  /// Why what fills up a text is something else for the tower, as a clause.
  private func paddingMisfit(with text: Graph) -> String? {
    guard let padding = padding.map({ Int($0) }) else { return nil }
    switch text.input {
    case .pixels: return nil
    case .paddedIDs(_, let own):
      // Others leave it to the tower, whose id counts then.
      guard padsToLimit, padding != own else { return nil }
      return "the tokenizer pads with id \(padding), the model with id \(own)"
    case .ids:
      for node in text.nodes {
        guard case .mask(let hidden, _, _) = node.operation, hidden != padding else { continue }
        return "the tokenizer pads with id \(padding), the model hides id \(hidden)"
      }
      return nil
    }
  }
}

extension Pack {
  /// The tokenizer; `nil` where the pack has none.
  func readTokenizer() throws(FormatError) -> Tokenizer? {
    guard let json = try json(.tokenizer) else { return nil }
    guard let tables = try section(SectionName.tokenizerTables.rawValue) else {
      return try Tokenizer(decoding: json)
    }
    return try Tokenizer(decoding: json, tables: tables.bytes)
  }
}
