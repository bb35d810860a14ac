public import Bytes

/// `open_clip_config.json`, the `preprocess_cfg` in it.
///
/// Source: `transform.py` of open_clip 3, `image_transform`. torchvision does the work there, so
/// the crop rounds half to even and transparency is dropped.
extension Preprocessing {
  /// Reads an `open_clip_config.json`.
  ///
  /// - Parameter imageSize: the input's edge where the file does not say.
  /// - Throws: `FormatError` naming the key, what was found and what is allowed.
  public init(openCLIP json: JSON, imageSize: Int) throws(FormatError) {
    let fields = try Fields(json, "the text").object("preprocess_cfg")
    try fields.refuse("mode", unless: ["RGB"])
    let edge = try fields.edge("size", Limits.imageSize, default: imageSize)
    let square = Size(height: edge, width: edge)
    let filter: Interpolation = try fields.choice("interpolation", default: .bicubic)
    let isSquashed: Bool
    switch try fields.choice("resize_mode", default: ResizeMode.shortest) {
    case .shortest: isSquashed = false
    case .squash: isSquashed = true
    }
    self.init(
      resize: isSquashed ? .exact(square) : .shortestEdge(edge),
      crop: isSquashed ? nil : square, cropOffset: .round,
      resample: filter == .bilinear ? .bilinear : .bicubic,
      mean: try fields.channels("mean", -1_000...1_000, default: Self.clipMean),
      standardDeviation: try fields.channels(
        "std", 1e-6...1_000, default: Self.clipStandardDeviation),
      alpha: .drop)
  }

  /// What `preprocess_cfg` says of it; `nil` for what open_clip has no words for.
  public var openCLIP: JSON? {
    let (size, mode): (Size, ResizeMode)
    switch (resize, crop) {
    case (.exact(let exact), nil): (size, mode) = (exact, .squash)
    case (.shortestEdge(let edge), _):
      (size, mode) = (Size(height: edge, width: edge), .shortest)
    default: return nil
    }
    let words: JSON = [
      "size": .integer(size.height), "mode": "RGB", "mean": .array(mean.map(JSON.number)),
      "std": .array(standardDeviation.map(JSON.number)), "interpolation": .string("\(resample)"),
      "resize_mode": .string(mode.rawValue), "fill_color": 0,
    ]
    let again = try? Preprocessing(openCLIP: ["preprocess_cfg": words], imageSize: size.height)
    return again == self ? words : nil
  }

  private enum Interpolation: String, CaseIterable {
    case bicubic, bilinear
    /// Of training; inference takes bicubic.
    case random
  }

  private enum ResizeMode: String, CaseIterable {
    case shortest, squash
  }
}
