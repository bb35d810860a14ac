public import Architecture
public import Bytes

/// A decoded picture: 8-bit RGB, as Pillow's `convert("RGB")` gives.
public struct Picture: Equatable, Sendable {
  public let width: Int
  public let height: Int
  /// (height, width, 3).
  public private(set) var levels: [UInt8]

  /// - Precondition: as many levels as the extent says, and at least one pixel.
  public init(width: Int, height: Int, levels: [UInt8]) {
    precondition(width > 0 && height > 0, "a picture of \(width) × \(height) pixels")
    precondition(levels.count == 3 * width * height, "\(levels.count) levels")
    self.width = width
    self.height = height
    self.levels = levels
  }

  /// Decodes a PNG, JPEG or WebP file, recognised by its content.
  ///
  /// EXIF orientation, gamma and colour profiles are not applied, because CLIP's processors do not.
  /// 16-bit colour keeps the high byte, 16-bit grey is clipped to 255; both are Pillow's rules.
  ///
  /// - Throws: `FormatError` for other kinds of files, for damaged ones, and for pictures of more
  ///   than 178 956 970 pixels or with an edge of more than a million.
  public init(decoding file: Buffer, alpha: Preprocessing.Alpha = .white) throws(FormatError) {
    let reader = try PictureReader(file, alpha: alpha)
    width = reader.width
    height = reader.height
    levels = []
    levels.reserveCapacity(3 * width * height)
    var row = [UInt8](repeating: 0, count: 3 * width)
    for _ in 0..<height {
      var span = row.mutableSpan
      try reader.read(into: &span)
      levels.append(contentsOf: row)
    }
    try reader.finish()
  }
}
