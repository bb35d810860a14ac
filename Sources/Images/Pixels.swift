public import Architecture
public import Bytes
public import Kernels

/// What the image tower takes: a picture resized, cropped, rescaled and normalised.
///
/// The values are those of transformers' `CLIPImageProcessorPil`, bit for bit.
public struct Pixels: Equatable, Sendable {
  public let height: Int
  public let width: Int
  /// (3, height, width).
  public private(set) var values: [Float]

  /// Decodes a PNG, JPEG or WebP file and prepares it. A decoded picture is held as a whole only
  /// where its format asks for that.
  ///
  /// - Throws: as `Picture(decoding:alpha:)`, and for extents that the preprocessing cannot give.
  public init(
    decoding file: Buffer, _ preprocessing: Preprocessing, using isa: InstructionSet = .widest
  ) throws(FormatError) {
    let reader = try PictureReader(file, alpha: preprocessing.alpha)
    let size = Preprocessing.Size(height: reader.height, width: reader.width)
    let framing = try Framing(of: size, preprocessing)
    var resampler = Resampler(size, framing, preprocessing.resample, using: isa)
    var row = [UInt8](repeating: 0, count: 3 * reader.width)
    for _ in 0..<reader.height {
      var span = row.mutableSpan
      try reader.read(into: &span)
      resampler.take(row.span)
    }
    try reader.finish()
    self.init(resampler.levels, framing, preprocessing)
  }

  /// Prepares a decoded picture.
  ///
  /// - Throws: `FormatError` for extents that the preprocessing cannot give.
  public init(
    _ picture: Picture, _ preprocessing: Preprocessing, using isa: InstructionSet = .widest
  ) throws(FormatError) {
    let size = Preprocessing.Size(height: picture.height, width: picture.width)
    let framing = try Framing(of: size, preprocessing)
    var resampler = Resampler(size, framing, preprocessing.resample, using: isa)
    resampler.take(allRowsOf: picture)
    self.init(resampler.levels, framing, preprocessing)
  }

  /// - Parameter levels: (rows, columns, 3) of the framing.
  private init(_ levels: [UInt8], _ framing: Framing, _ preprocessing: Preprocessing) {
    let (height, width) = (framing.height, framing.width)
    var values: [Float] = []
    values.reserveCapacity(3 * height * width)
    for channel in 0..<3 {
      let table = Self.values(of: channel, preprocessing)
      // The zeros around a picture that is smaller than the crop are black, and normalised too.
      values.append(contentsOf: repeatElement(table[0], count: height * width))
      var source = channel
      for row in 0..<framing.rows.count {
        let start = (channel * height + framing.top + row) * width + framing.left
        for target in start..<start + framing.columns.count {
          values[target] = table[Int(levels[source])]
          source += 3
        }
      }
    }
    (self.height, self.width, self.values) = (height, width, values)
  }

  /// What each of the 256 levels becomes: rescaled in double precision, normalised in single.
  private static func values(of channel: Int, _ preprocessing: Preprocessing) -> [Float] {
    let mean = Float(preprocessing.mean[channel])
    let deviation = Float(preprocessing.standardDeviation[channel])
    return (0..<256).map { (Float(Double($0) * preprocessing.rescale) - mean) / deviation }
  }
}

extension Picture {
  /// The picture at another size, as Pillow's `Image.resize` gives it.
  ///
  /// - Precondition: at least one pixel, at most 178 956 970.
  public func resized(
    width: Int, height: Int, _ resample: Preprocessing.Resample = .bicubic,
    using isa: InstructionSet = .widest
  ) -> Picture {
    precondition(width > 0 && height > 0 && width <= Picture.mostPixels / height)
    var resampler = Resampler(
      columns: ResizeAxis(source: self.width, resized: width, wanted: 0..<width),
      rows: ResizeAxis(source: self.height, resized: height, wanted: 0..<height), resample,
      using: isa)
    resampler.take(allRowsOf: self)
    return Picture(width: width, height: height, levels: resampler.levels)
  }
}

extension Resampler {
  fileprivate init(
    _ size: Preprocessing.Size, _ framing: Framing, _ resample: Preprocessing.Resample,
    using isa: InstructionSet
  ) {
    self.init(
      columns: ResizeAxis(
        source: size.width, resized: framing.resized.width, wanted: framing.columns),
      rows: ResizeAxis(source: size.height, resized: framing.resized.height, wanted: framing.rows),
      resample, using: isa)
  }

  fileprivate mutating func take(allRowsOf picture: Picture) {
    let stride = 3 * picture.width
    for y in 0..<picture.height {
      take(picture.levels.span.extracting(y * stride..<(y + 1) * stride))
    }
  }
}
