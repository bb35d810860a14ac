public import Bytes

/// The ResNets of OpenAI's CLIP: three convolutions for a stem, average pools in place of strides,
/// and attention in place of the last pool. The text tower is CLIP's own.
///
/// Source: `modified_resnet.py` of open_clip 3.3, and `model.py` of OpenAI's CLIP.
public struct ModifiedResNetConfiguration: Equatable, Sendable {
  public var image: Image
  /// `nil` for an image-only model.
  public var text: CLIPConfiguration.Text?
  /// The width of the shared space.
  public var projectionWidth: Int

  public struct Image: Equatable, Sendable {
    /// The bottlenecks of each of the four stages.
    public var blocks: [Int]
    /// The channels behind the stem.
    public var width: Int
    public var imageSize: Int
    /// Of the attention that pools.
    public var heads: Int

    /// Channels behind the last stage.
    var lastWidth: Int { 32 * width }
    /// Rows and columns behind the last stage.
    var lastEdge: Int { imageSize / 32 }
  }
}

extension ModifiedResNetConfiguration {
  /// Reads an `open_clip_config.json` whose `vision_cfg.layers` is a list.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  init(openCLIP json: JSON) throws(FormatError) {
    let model = try Fields(json, "the text").object("model_cfg")
    let fields = try model.object("vision_cfg")
    let layers = fields["layers"] ?? .null
    let blocks = layers.array?.compactMap(\.int) ?? []
    guard blocks.count == 4, layers.array?.count == 4,
      blocks.allSatisfy({ (1...256).contains($0) })
    else {
      throw fields.error("layers", layers, "four whole numbers from 1 to 256 are allowed")
    }
    let width = try fields.whole("width", 2...1024, default: 64)
    // open_clip: the heads of the pooling attention are 32 · width / head_width.
    let headWidth = try fields.whole("head_width", Limits.width, default: 64)
    let size = try fields.edge("image_size", 32...4096, default: 224)
    guard width % 2 == 0, 32 * width % headWidth == 0, size % 32 == 0 else {
      throw FormatError(
        .inconsistent,
        "\(fields.path)width is \(width), head_width \(headWidth), image_size \(size); an even "
          + "width, a divisor of 32 · width and a multiple of 32 are needed")
    }
    image = Image(
      blocks: blocks, width: width, imageSize: size, heads: 32 * width / headWidth)
    projectionWidth = try model.whole("embed_dim", Limits.projection, default: nil)
    text = model["text_cfg"] == nil ? nil : try CLIPConfiguration.text(openCLIP: json)
  }

  /// The normalised `open_clip_config.json`. Reading it gives an equal configuration, and open_clip
  /// builds it.
  public var json: JSON {
    var model: JSON.Object = [
      "embed_dim": .integer(projectionWidth),
      "quick_gelu": .bool(text?.transformer.activation != .gelu),
      "vision_cfg": [
        "layers": .array(image.blocks.map { .integer($0) }), "width": .integer(image.width),
        "image_size": .integer(image.imageSize),
        "head_width": .integer(image.lastWidth / image.heads),
      ],
    ]
    if let text {
      let transformer = text.transformer
      var fields: JSON.Object = [
        "context_length": .integer(text.positions), "vocab_size": .integer(text.vocabularySize),
        "width": .integer(transformer.width), "heads": .integer(transformer.heads),
        "layers": .integer(transformer.layers),
      ]
      fields["mlp_ratio"] = .number(Double(transformer.hiddenWidth) / Double(transformer.width))
      if transformer.layerNormEpsilon != 1e-5 {
        fields["norm_kwargs"] = ["eps": JSON(decimal: transformer.layerNormEpsilon)]
      }
      model["text_cfg"] = .object(fields)
    }
    return ["model_cfg": .object(model)]
  }
}
