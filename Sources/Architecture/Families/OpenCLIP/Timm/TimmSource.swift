internal import Bytes
internal import Tensors

/// What describes a trunk of timm: its name, the tensors of a checkpoint, and what was found by
/// them once, in the member `towers` of a pack's configuration.
struct TimmSource {
  let source: TowerSource
  /// `timm_model_name`
  let name: String
  let head: TimmHead
  /// Of the pictures, height and width.
  let imageSize: Int
  let projectionWidth: Int

  /// Of pooling, by the name that open_clip has; `nil` where it leaves that to the trunk.
  let pool: String?

  private static let keys: Set<String> = [
    "timm_model_name", "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias",
    "timm_drop", "timm_drop_path", "patch_dropout", "image_size", "output_tokens",
  ]

  /// - Returns: `nil` where the tower is none of timm's that `isKnown` knows by name.
  init?(_ source: TowerSource, where isKnown: (String) -> Bool) throws(FormatError) {
    guard let name = source.fields["timm_model_name"]?.string, isKnown(name) else { return nil }
    // Sizes of open_clip's own transformer may stand there; they are not looked at.
    try source.fields.refuseOthers(
      than: Self.keys.union(["layers", "width", "patch_size", "head_width", "mlp_ratio"]))
    self.source = source
    self.name = name
    head = try TimmHead(source)
    imageSize = try source.fields.edge("image_size", Limits.imageSize, default: 224)
    projectionWidth = try source.projectionWidth()
    switch source.fields["timm_pool"] {
    case nil where source.fields.object["timm_pool"] == nil: pool = "avg"
    case nil, ""?: pool = nil
    case let found?: pool = found.string ?? found.excerpt
    }
  }

  /// A number that was found before, or is found by the tensors.
  func whole(
    _ key: String, _ allowed: ClosedRange<Int>, _ found: @autoclosure () -> Int?
  ) throws(FormatError) -> Int {
    guard source.details[key] == nil, source.weights != nil else {
      return try source.details.whole(key, allowed, default: nil)
    }
    guard let value = found(), allowed.contains(value) else {
      throw FormatError(
        .unsupported,
        "\(source.fields.path)timm_model_name is \(JSON.quoted(name)), and the tensors do not show "
          + "its \(key)")
    }
    return value
  }

  /// A number of each stage, likewise.
  func wholes(
    _ key: String, _ allowed: ClosedRange<Int>, _ found: @autoclosure () -> [Int?]
  ) throws(FormatError) -> [Int] {
    if let described = try source.details.wholes(key, allowed) { return described }
    var values: [Int] = []
    for value in source.weights == nil ? [] : found() {
      values.append(try whole(key, allowed, value))
    }
    return values
  }

  /// Whether a switch was found to be on before, or is by the tensors.
  func flag(_ key: String, _ found: @autoclosure () -> Bool) throws(FormatError) -> Bool {
    guard source.details[key] == nil, source.weights != nil else {
      return try source.details.flag(key, default: false)
    }
    return found()
  }

  /// An extent of a tensor of the trunk.
  func extent(_ tensor: String, _ index: Int, rank: Int) -> Int? {
    source.weights?.extents("trunk." + tensor, rank: rank)?[index]
  }

  func has(_ tensor: String) -> Bool { source.weights?.has("trunk." + tensor) == true }

  /// How many there are, counted from 0.
  func count(_ tensor: (Int) -> String) -> Int {
    source.weights?.count { "trunk." + tensor($0) } ?? 0
  }

  /// What `vision_cfg` says.
  var json: JSON.Object {
    var object: JSON.Object = ["timm_model_name": .string(name)]
    object["timm_pool"] = .string(pool ?? "")
    head.write(to: &object)
    object["image_size"] = .integer(imageSize)
    return object
  }

  /// - Parameter allowed: as in `timm_pool`.
  func refusePool(unless allowed: [String]) throws(FormatError) {
    guard let pool, !allowed.contains(pool) else { return }
    let names = allowed.map(JSON.quoted).joined(separator: " or ")
    throw FormatError(
      .unsupported,
      "\(source.fields.path)timm_pool is \(JSON.quoted(pool)), only \(names) is supported with "
        + "\(JSON.quoted(name))")
  }
}
