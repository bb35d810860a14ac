public import Bytes

/// `preprocessor_config.json` of transformers, with its older spellings.
///
/// Source: `image_processing_utils.py` and `models/clip/image_processing_clip.py` of transformers
/// 5.23. A missing key means CLIP's default there. Two keys are our own, since transformers has
/// them in code: `alpha` ("white" or "drop") and `crop_offset` ("floor" or "round").
extension Preprocessing {
  private static let types = [
    "CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil",
    "CLIPFeatureExtractor", "ChineseCLIPImageProcessor", "ChineseCLIPImageProcessorFast",
    "ChineseCLIPImageProcessorPil", "ChineseCLIPFeatureExtractor",
  ]
  /// Those of SigLIP, which neither keep proportions nor crop.
  private static let squashingTypes = [
    "SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil",
  ]

  /// What any input may be sized to, in pixels an edge.
  private static let edges = Limits.imageSize
  private static let means = -1_000.0...1_000.0
  private static let deviations = 1e-6...1_000.0
  private static let factors = 1e-9...1_000.0

  /// Reads a `preprocessor_config.json`, or the `image_processor` of a `processor_config.json`.
  ///
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  public init(transformers json: JSON) throws(FormatError) {
    let root = try Fields(json, "the text")
    let nested = try root.object("image_processor")
    try self.init(root["image_processor"] == nil ? root : nested)
  }

  private init(_ fields: Fields) throws(FormatError) {
    let squashes = try Self.squashes(fields)
    let center = [0.5, 0.5, 0.5]
    try fields.refuse("do_pad", unless: [false])
    try fields.refuse("use_square_size", unless: [false])
    self.init(
      resize: try fields.flag("do_resize", default: true)
        ? try Self.resize(fields, squashes) : .none,
      crop: try fields.flag("do_center_crop", default: !squashes) ? try Self.crop(fields) : nil,
      cropOffset: try fields.choice("crop_offset", default: .floor),
      resample: try Self.resample(fields),
      rescale: try fields.flag("do_rescale", default: true)
        ? try fields.number("rescale_factor", Self.factors, default: 1.0 / 255) : 1,
      alpha: try fields.choice("alpha", default: .white))
    if try fields.flag("do_normalize", default: true) {
      mean = try fields.channels(
        "image_mean", Self.means, default: squashes ? center : Self.clipMean)
      standardDeviation = try fields.channels(
        "image_std", Self.deviations,
        default: squashes ? center : Self.clipStandardDeviation)
    } else {
      mean = [0, 0, 0]
      standardDeviation = [1, 1, 1]
    }
  }

  /// Whether the processor is SigLIP's, whose defaults are others than CLIP's.
  ///
  /// - Throws: `unsupported` for processors of other models, which have other steps.
  private static func squashes(_ fields: Fields) throws(FormatError) -> Bool {
    var squashes = false
    for key in ["image_processor_type", "feature_extractor_type"] {
      guard let json = fields[key] else { continue }
      guard let type = json.string, (types + squashingTypes).contains(type) else {
        throw FormatError(
          .unsupported,
          "\(fields.path)\(key) is \(json.excerpt), one of "
            + "\((types + squashingTypes).joined(separator: ", ")) is supported")
      }
      squashes = squashingTypes.contains(type)
    }
    return squashes
  }

  private static func resize(
    _ fields: Fields, _ squashes: Bool
  ) throws(FormatError) -> Resize {
    guard let json = fields["size"] else {
      return squashes ? .exact(Size(height: 224, width: 224)) : .shortestEdge(224)
    }
    if json.int != nil { return .shortestEdge(try fields.whole(json, "size", edges)) }
    if let size = try size(json, "size", fields) { return .exact(size) }
    let members = try Fields(json, fields.path + "size", at: fields.path + "size.")
    guard members["longest_edge"] == nil, members["shortest_edge"] != nil else {
      throw FormatError(
        .unsupported,
        "\(fields.path)size has \(members.object.keys.joined(separator: " and ")), shortest_edge "
          + "alone or height and width are supported")
    }
    return .shortestEdge(try members.whole("shortest_edge", edges, default: nil))
  }

  private static func crop(_ fields: Fields) throws(FormatError) -> Size {
    guard let json = fields["crop_size"] else { return Size(height: 224, width: 224) }
    if json.int != nil {
      let edge = try fields.whole(json, "crop_size", edges)
      return Size(height: edge, width: edge)
    }
    guard let size = try size(json, "crop_size", fields) else {
      throw fields.error("crop_size", json, "a number or an object of height and width is allowed")
    }
    return size
  }

  /// Height and width as an object or as an array; `nil` for anything else.
  private static func size(
    _ json: JSON, _ key: String, _ fields: Fields
  ) throws(FormatError) -> Size? {
    if let pair = json.array, pair.count == 2 {
      return Size(
        height: try fields.whole(pair[0], key + "[0]", edges),
        width: try fields.whole(pair[1], key + "[1]", edges))
    }
    guard let object = json.object else { return nil }
    let members = Fields(object, at: fields.path + key + ".")
    guard members["height"] != nil, members["width"] != nil else { return nil }
    return Size(
      height: try members.whole("height", edges, default: nil),
      width: try members.whole("width", edges, default: nil))
  }

  private static func resample(_ fields: Fields) throws(FormatError) -> Resample {
    guard let json = fields["resample"] else { return .bicubic }
    // "PILImageResampling.BICUBIC" and "bicubic" both occur.
    let name = json.string?.split(separator: ".").last?.lowercased()
    let filters = Resample.allCases
    guard let filter = filters.first(where: { $0.rawValue == json.int || $0.name == name }) else {
      let allowed = filters.map { "\($0.rawValue) (\($0.name))" }
      throw fields.error("resample", json, "one of \(allowed.joined(separator: ", ")) is allowed")
    }
    return filter
  }

  /// The normalised `preprocessor_config.json`. Reading it gives an equal value, and transformers
  /// loads it.
  public var json: JSON {
    var object = JSON.Object()
    object["image_processor_type"] = "CLIPImageProcessor"
    object["do_convert_rgb"] = true
    object["do_resize"] = .bool(resize != .none)
    switch resize {
    case .none: break
    case .shortestEdge(let edge): object["size"] = ["shortest_edge": .integer(edge)]
    case .exact(let size): object["size"] = size.json
    }
    object["resample"] = .integer(resample.rawValue)
    object["do_center_crop"] = .bool(crop != nil)
    object["crop_size"] = crop?.json
    object["crop_offset"] = .string(cropOffset.rawValue)
    object["do_rescale"] = .bool(rescale != 1)
    object["rescale_factor"] = .number(rescale)
    object["do_normalize"] = true
    object["image_mean"] = .array(mean.map(JSON.number))
    object["image_std"] = .array(standardDeviation.map(JSON.number))
    object["alpha"] = .string(alpha.rawValue)
    return .object(object)
  }
}

extension Preprocessing.Size {
  fileprivate var json: JSON { ["height": .integer(height), "width": .integer(width)] }
}

extension Preprocessing.Resample {
  /// As transformers and torchvision spell it.
  var name: String {
    switch self {
    case .nearest: "nearest"
    case .lanczos: "lanczos"
    case .bilinear: "bilinear"
    case .bicubic: "bicubic"
    case .box: "box"
    case .hamming: "hamming"
    }
  }
}
