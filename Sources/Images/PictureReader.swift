internal import Architecture
internal import Bytes
internal import CImages

/// A picture file that gives its rows from the top, as 8-bit RGB.
@safe final class PictureReader {
  let width: Int
  let height: Int
  private let handle: OpaquePointer
  private let format: PictureFormat
  /// What `handle` reads from.
  private let file: Buffer

  /// What Pillow takes for a decompression bomb.
  static let mostPixels = 2 * 89_478_485
  /// libpng's own limit, which keeps the windows of a resized edge within some megabytes.
  static let longestEdge = 1_000_000

  /// Reads the header, and checks that the rest can be decoded within the limits.
  init(_ file: Buffer, alpha: Preprocessing.Alpha) throws(FormatError) {
    let format = try PictureFormat(recognizing: file.bytes)
    let opened = unsafe file.bytes.withUnsafeBytes { bytes -> OpaquePointer? in
      guard let start = bytes.baseAddress else { return nil }
      let first = unsafe start.assumingMemoryBound(to: UInt8.self)
      return switch format {
      case .png: unsafe ci_open_png(first, bytes.count)
      case .jpeg: unsafe ci_open_jpeg(first, bytes.count)
      case .webp: unsafe ci_open_webp(first, bytes.count)
      }
    }
    guard let opened = unsafe opened else {
      throw FormatError(.unsupported, "no memory is left to read a picture")
    }
    unsafe handle = opened
    width = unsafe ci_width(opened)
    height = unsafe ci_height(opened)
    self.format = format
    self.file = file
    try check(unsafe ci_outcome(handle))
    try checkExtent()
    try check(unsafe ci_start(handle, alpha == .white ? .white : .drop))
  }

  deinit { unsafe ci_close(handle) }

  private func checkExtent() throws(FormatError) {
    guard width > 0 && height > 0 else {
      throw FormatError(
        .invalidField, "picture is \(width) × \(height) pixels, at least 1 is needed")
    }
    guard width <= Self.mostPixels / height else {
      throw FormatError(
        .invalidField,
        "picture is \(width) × \(height) pixels, at most \(Self.mostPixels) in all are allowed")
    }
    guard max(width, height) <= Self.longestEdge else {
      throw FormatError(
        .invalidField,
        "picture is \(width) × \(height) pixels, at most \(Self.longestEdge) along an edge are allowed"
      )
    }
    let least = unsafe ci_least_bytes(handle)
    guard least <= UInt64(file.count) else {
      throw FormatError(
        .truncated,
        "picture of \(width) × \(height) pixels takes at least \(least) bytes, the file has \(file.count)"
      )
    }
  }

  /// Decodes the next row; rows come in order.
  ///
  /// - Precondition: `row` takes 3 × `width` levels.
  func read(into row: inout MutableSpan<UInt8>) throws(FormatError) {
    precondition(row.count == 3 * width, "\(row.count) levels for a row of \(width) pixels")
    let outcome = unsafe row.withUnsafeMutableBufferPointer { row in
      unsafe ci_read_row(handle, row.baseAddress!, row.count)
    }
    try check(outcome)
  }

  /// Reads on to the end of the file, after the last row.
  func finish() throws(FormatError) {
    try check(unsafe ci_finish(handle))
  }

  private func check(_ outcome: CIOutcome) throws(FormatError) {
    let code: FormatError.Code
    switch outcome {
    case .fine: return
    case .truncated: code = .truncated
    case .malformed: code = .invalidField
    case .checksum: code = .checksum
    case .unsupported: code = .unsupported
    case .memory: throw FormatError(.unsupported, "no memory is left to decode the picture")
    }
    let words = unsafe String(cString: ci_message(handle))
    // The libraries begin with a capital. So do the names of chunks, which are left as they are.
    let isSentence = words.dropFirst().first?.isLowercase ?? false
    let first = isSentence ? words.prefix(1).lowercased() : String(words.prefix(1))
    throw FormatError(code, "\(format.name): \(first)\(words.dropFirst())")
  }
}
