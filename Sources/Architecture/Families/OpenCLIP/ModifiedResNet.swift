internal import Bytes

/// The ResNets of OpenAI's CLIP: three convolutions for a stem, average pools in place of strides,
/// and attention in place of the last pool.
///
/// Source: `modified_resnet.py` of open_clip 3.3, and `model.py` of OpenAI's CLIP.
struct ModifiedResNet: TowerDescription {
  /// The bottlenecks of each of the four stages.
  var blocks: [Int]
  /// The channels behind the stem.
  var width: Int
  var imageSize: Int
  /// Of the attention that pools.
  var heads: Int
  /// The width of the shared space.
  var projectionWidth: Int

  /// Channels behind the last stage.
  var lastWidth: Int { 32 * width }
  /// Rows and columns behind the last stage.
  var lastEdge: Int { imageSize / 32 }

  private static let keys: Set<String> = [
    "layers", "width", "head_width", "image_size", "patch_size", "patch_dropout", "output_tokens",
    "mlp_ratio",
  ]

  /// A list of `layers` says that the tower is one.
  static func read(_ source: TowerSource) throws(FormatError) -> ModifiedResNet? {
    let fields = source.fields
    guard fields["timm_model_name"] == nil, let layers = fields["layers"],
      let list = layers.array
    else { return nil }
    try fields.refuseOthers(than: keys)
    let blocks = list.compactMap(\.int)
    guard blocks.count == 4, list.count == 4, blocks.allSatisfy({ (1...256).contains($0) }) else {
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
    return ModifiedResNet(
      blocks: blocks, width: width, imageSize: size, heads: 32 * width / headWidth,
      projectionWidth: try source.projectionWidth())
  }

  var json: JSON.Object {
    [
      "layers": .array(blocks.map { .integer($0) }), "width": .integer(width),
      "image_size": .integer(imageSize), "head_width": .integer(lastWidth / heads),
    ]
  }
}
