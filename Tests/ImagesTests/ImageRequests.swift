import Architecture
import Bytes
import Images
import Kernels
import Platform
import SystemPackage
import Testing

/// What `Scripts/compare_pixels.py` asks, answered into files that it compares with Python's
/// answers.
///
/// `CLIP_PACK_IMAGE_REQUESTS` names a file of lines, fields separated by tabs:
///
///     <answer file> <picture file> <white|drop> decode
///     <answer file> <picture file> <white|drop> resize <width> <height> <filter>
///     <answer file> <picture file> <white|drop> pixels <shortest edge> <crop h> <crop w>
///     <floor|round> <filter>
///
/// An answer is `<height> <width>\n` and the levels or little-endian floats, or `error: …`.
@Suite struct ImageRequests {
  private static let requests = unsafe getenv("CLIP_PACK_IMAGE_REQUESTS").map {
    unsafe String(cString: $0)
  }

  @Test(.enabled(if: requests != nil))
  func `answers what the comparison script asks`() throws {
    let file = try MappedFile(FilePath(Self.requests!))
    let text = String(
      decoding: Buffer(file, 0..<file.count).span(of: UInt8.self).array, as: UTF8.self)
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "\t").map(String.init)
      var answer = try AtomicFile(replacing: FilePath(fields[0]))
      var bytes: [UInt8]
      do { bytes = try Self.answer(Array(fields.dropFirst())) } catch let error as FormatError {
        bytes = Array("error: \(error)".utf8)
      }
      try unsafe answer.append(bytes.span.bytes)
      try answer.commit()
    }
  }

  private static func answer(_ fields: [String]) throws -> [UInt8] {
    let mapping = try MappedFile(FilePath(fields[0]))
    let file = Buffer(mapping, 0..<mapping.count)
    let alpha = try #require(Preprocessing.Alpha(rawValue: fields[1]))
    let numbers = fields.dropFirst(3).map { Int($0) ?? 0 }
    switch fields[2] {
    case "decode": return encoded(try Picture(decoding: file, alpha: alpha))
    case "resize":
      let filter = try #require(Preprocessing.Resample(rawValue: numbers[2]))
      let picture = try Picture(decoding: file, alpha: alpha)
      return encoded(picture.resized(width: numbers[0], height: numbers[1], filter))
    default:
      let filter = try #require(Preprocessing.Resample(rawValue: numbers[4]))
      let preprocessing = Preprocessing(
        resize: .shortestEdge(numbers[0]),
        crop: Preprocessing.Size(height: numbers[1], width: numbers[2]),
        cropOffset: try #require(Preprocessing.CropOffset(rawValue: fields[6])), resample: filter,
        alpha: alpha)
      let clock = ContinuousClock()
      let start = clock.now
      let pixels = try Pixels(decoding: file, preprocessing)
      if unsafe getenv("CLIP_PACK_IMAGE_TIMES") != nil { print("took", clock.now - start) }
      return Array("\(pixels.height) \(pixels.width)\n".utf8)
        + pixels.values.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        }
    }
  }

  private static func encoded(_ picture: Picture) -> [UInt8] {
    Array("\(picture.height) \(picture.width)\n".utf8) + picture.levels
  }
}

extension Span<UInt8> {
  /// A copy.
  var array: [UInt8] { indices.map { self[$0] } }
}
