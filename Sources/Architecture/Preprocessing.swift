/// How a picture becomes the image tower's input: resize, crop, rescale, normalise.
public struct Preprocessing: Equatable, Sendable {
  public var resize: Resize
  /// Height and width of the centre crop; `nil` for none.
  public var crop: Size?
  public var cropOffset: CropOffset
  public var resample: Resample
  /// What each 8-bit level is multiplied with before normalising; 1/255, or 1 for none.
  public var rescale: Double
  /// For red, green and blue, after rescaling; 0 for none.
  public var mean: [Double]
  /// For red, green and blue; 1 for none.
  public var standardDeviation: [Double]
  public var alpha: Alpha

  public init(
    resize: Resize, crop: Size?, cropOffset: CropOffset = .floor, resample: Resample = .bicubic,
    rescale: Double = 1.0 / 255, mean: [Double] = Self.clipMean,
    standardDeviation: [Double] = Self.clipStandardDeviation, alpha: Alpha = .white
  ) {
    self.resize = resize
    self.crop = crop
    self.cropOffset = cropOffset
    self.resample = resample
    self.rescale = rescale
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.alpha = alpha
  }

  public struct Size: Equatable, Sendable {
    public var height: Int
    public var width: Int
    public init(height: Int, width: Int) {
      self.height = height
      self.width = width
    }
  }

  public enum Resize: Equatable, Sendable {
    case none
    /// The shorter edge becomes so long; the longer one ⌊size · long / short⌋.
    case shortestEdge(Int)
    case exact(Size)
  }

  /// How an odd margin is shared by the centre crop.
  public enum CropOffset: String, Sendable, CaseIterable {
    /// ⌊margin / 2⌋, as transformers does.
    case floor
    /// Half to even, as torchvision does, and with it OpenAI's code and open_clip.
    case round
  }

  /// Pillow's filters. The raw values are its numbers.
  public enum Resample: Int, Sendable, CaseIterable {
    case nearest = 0
    case lanczos = 1
    case bilinear = 2
    case bicubic = 3
    case box = 4
    case hamming = 5
  }

  /// What becomes of transparency.
  public enum Alpha: String, Sendable, CaseIterable {
    /// Composited on white, as transformers 5 does.
    case white
    /// Dropped, as OpenAI's code and older transformers do.
    case drop
  }

  public static let clipMean = [0.48145466, 0.4578275, 0.40821073]
  public static let clipStandardDeviation = [0.26862954, 0.26130258, 0.27577711]

  /// SigLIP's, for inputs of `imageSize` × `imageSize` pixels: proportions are not kept.
  public static func squash(imageSize: Int) -> Preprocessing {
    Preprocessing(
      resize: .exact(Size(height: imageSize, width: imageSize)), crop: nil,
      mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5])
  }

  /// OpenAI's, for inputs of `imageSize` × `imageSize` pixels.
  public static func clip(imageSize: Int) -> Preprocessing {
    Preprocessing(
      resize: .shortestEdge(imageSize), crop: Size(height: imageSize, width: imageSize))
  }
}
