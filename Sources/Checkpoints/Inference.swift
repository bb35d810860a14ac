internal import Architecture
internal import Bytes
internal import Tensors

/// The configuration of a checkpoint without one, as far as shapes say it.
struct Inference {
  let configuration: CLIPConfiguration
  /// What the shapes do not say and was assumed, a sentence each.
  let assumptions: [String]

  /// - Parameters:
  ///   - activation: the one that was given, as no shape says it.
  ///   - shape: of the tensor with a canonical name, in canonical orientation.
  /// - Throws: `unsupported` where shapes leave a choice, with the file that settles it.
  init(
    imageLayers: Int, textLayers: Int, activation: CLIPConfiguration.Activation?,
    shape: @escaping (String) -> Shape?
  ) throws(FormatError) {
    let sizes = Sizes(shape: shape)
    let hasImage = shape(Names.patchEmbedding) != nil
    let hasText = shape(Names.tokenTable) != nil
    let image = hasImage ? try sizes.image(layers: imageLayers) : nil
    let text = hasText ? try sizes.text(layers: textLayers) : nil
    let projection = hasImage ? Names.imageProjection : Names.textProjection
    var found = CLIPConfiguration(
      image: image, text: text, projectionWidth: try sizes.extents(projection, rank: 2)[0])
    if let activation {
      found.image?.transformer.activation = activation
      found.text?.transformer.activation = activation
    }
    // By way of JSON, whose reader checks every range.
    configuration = try CLIPConfiguration(transformers: found.json)
    assumptions = Self.assumptions(configuration, activation)
  }

  private static func assumptions(
    _ configuration: CLIPConfiguration, _ activation: CLIPConfiguration.Activation?
  ) -> [String] {
    var sentences: [String] = []
    if let image = configuration.image {
      sentences.append(
        "pictures of \(image.imageSize)×\(image.imageSize) pixels: "
          + "\(image.patchesPerEdge) patches of \(image.patchSize) along an edge")
    }
    let heads = [configuration.image?.transformer, configuration.text?.transformer]
      .compactMap { $0.map { "\($0.heads) for width \($0.width)" } }
    sentences.append(
      "attention heads are 64 wide, as in OpenAI's models: " + heads.joined(separator: ", "))
    sentences.append(
      activation?.note
        ?? "the activation is quick_gelu, as in OpenAI's models; weights do not show it, and "
        + "models trained by LAION use gelu")
    if configuration.text != nil {
      sentences.append("the end of a text is its largest token id, as in OpenAI's models")
    }
    return sentences
  }
}

/// Extents of tensors, and what follows from them.
private struct Sizes {
  let shape: (String) -> Shape?

  func image(layers: Int) throws(FormatError) -> CLIPConfiguration.Image {
    let patch = try extents(Names.patchEmbedding, rank: 4)
    guard patch[2] == patch[3], patch[2] > 0 else {
      throw ambiguous("patches are \(patch[2])×\(patch[3]), square ones are supported")
    }
    let positions = try extents(Names.imagePositions, rank: 2)[0]
    let edge = Int(saturating: Double(max(positions - 1, 0)).squareRoot())
    guard edge > 0, edge * edge == positions - 1 else {
      throw ambiguous("\(positions) positions are no square number of patches and one")
    }
    let (size, overflow) = edge.multipliedReportingOverflow(by: patch[2])
    guard !overflow else { throw ambiguous("\(edge) patches of \(patch[2]) pixels") }
    // Wider towers were published with heads of 80, 88 and 104.
    return CLIPConfiguration.Image(
      transformer: try transformer(.image, width: patch[0], widest: 1024, layers: layers),
      imageSize: size, patchSize: patch[2], channels: patch[1])
  }

  func text(layers: Int) throws(FormatError) -> CLIPConfiguration.Text {
    let table = try extents(Names.tokenTable, rank: 2)
    return CLIPConfiguration.Text(
      transformer: try transformer(.text, width: table[1], widest: 4096, layers: layers),
      vocabularySize: table[0], positions: try extents(Names.textPositions, rank: 2)[0],
      pooling: .largestID)
  }

  private func transformer(
    _ tower: Tower, width: Int, widest: Int, layers: Int
  ) throws(FormatError) -> CLIPConfiguration.Transformer {
    guard width > 0, width % 64 == 0, width <= widest else {
      throw ambiguous(
        "the \(tower.rawValue) tower is \(width) wide, which leaves its number of heads open")
    }
    guard layers > 0 else { throw ambiguous("the \(tower.rawValue) tower has no residual blocks") }
    let expand = Names.weight(Names.Block(tower, 0).expand)
    return CLIPConfiguration.Transformer(
      width: width, layers: layers, heads: width / 64,
      hiddenWidth: try extents(expand, rank: 2)[0])
  }

  func extents(_ name: String, rank: Int) throws(FormatError) -> [Int] {
    guard let shape = shape(name) else { throw ambiguous("\(JSON.quoted(name)) is missing") }
    guard shape.extents.count == rank else {
      throw ambiguous("\(JSON.quoted(name)) is \(shape), \(rank) extents are needed")
    }
    return shape.extents
  }

  private func ambiguous(_ found: String) -> FormatError {
    FormatError(
      .unsupported,
      found + "; put the model's config.json (or open_clip_config.json) beside the weights")
  }
}
