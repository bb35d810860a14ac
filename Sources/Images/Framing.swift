internal import Architecture
internal import Bytes

/// How a picture of one extent becomes the tensor of a preprocessing: what it is resized to, and
/// which part of that is cut out and where it is put.
struct Framing: Equatable {
  /// After resizing.
  let resized: Preprocessing.Size
  /// Of the tensor.
  let height: Int
  let width: Int
  /// The wanted part of the resized picture.
  let rows: Range<Int>
  let columns: Range<Int>
  /// Where that part begins in the tensor; above and left of it, and below and right, are zeros.
  let top: Int
  let left: Int

  init(of size: Preprocessing.Size, _ preprocessing: Preprocessing) throws(FormatError) {
    resized = try Self.resized(size, preprocessing.resize)
    let crop = preprocessing.crop ?? resized
    guard crop.height > 0, crop.width > 0 else {
      throw FormatError(
        .invalidField, "crop is \(crop.width) × \(crop.height) pixels, at least 1 is needed")
    }
    guard crop.width <= Picture.mostPixels / crop.height else {
      throw FormatError(
        .invalidField,
        "preprocessing gives \(crop.width) × \(crop.height) pixels, at most \(Picture.mostPixels) "
          + "in all are allowed"
      )
    }
    (height, width) = (crop.height, crop.width)
    (rows, top) = Self.part(of: resized.height, crop.height, preprocessing.cropOffset)
    (columns, left) = Self.part(of: resized.width, crop.width, preprocessing.cropOffset)
  }

  private static func resized(
    _ size: Preprocessing.Size, _ resize: Preprocessing.Resize
  ) throws(FormatError) -> Preprocessing.Size {
    switch resize {
    case .none: return size
    case .exact(let exact):
      guard exact.height > 0, exact.width > 0 else {
        throw FormatError(
          .invalidField, "resized picture is \(exact.width) × \(exact.height) pixels")
      }
      return exact
    case .shortestEdge(let short):
      // What Pillow's C integers hold.
      guard (1...Int(Int32.max)).contains(short) else {
        throw FormatError(.invalidField, "shortest edge is \(short), 1…\(Int32.max) is allowed")
      }
      let edges = (short: min(size.width, size.height), long: max(size.width, size.height))
      // A quotient of doubles cut to an integer, as Python has it.
      let long = Int(saturating: Double(short * edges.long) / Double(edges.short))
      guard long <= Int32.max else {
        throw FormatError(
          .invalidField, "resized picture is \(long) pixels long, at most \(Int32.max) are allowed")
      }
      return size.width <= size.height
        ? Preprocessing.Size(height: long, width: short)
        : Preprocessing.Size(height: short, width: long)
    }
  }

  /// One edge of a centre crop.
  private static func part(
    of edge: Int, _ crop: Int, _ offset: Preprocessing.CropOffset
  ) -> (Range<Int>, at: Int) {
    if edge < crop {
      // transformers puts the odd row of zeros before the picture, torchvision after it.
      let missing = crop - edge
      return (0..<edge, at: offset == .floor ? missing - missing / 2 : missing / 2)
    }
    let margin = edge - crop
    let start: Int
    switch offset {
    case .floor: start = margin / 2
    case .round: start = Int(saturating: (Double(margin) / 2).rounded(.toNearestOrEven))
    }
    return (start..<start + crop, at: 0)
  }
}
