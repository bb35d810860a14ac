internal import Bytes
internal import CClipPack
internal import ClipPack
internal import Images
internal import Platform
internal import SystemPackage

/// Reads what C passes as arrays.
enum Inputs {
  /// - Parameter noun: what there are `count` of, for messages.
  static func check(_ count: Int, times size: Int = 1, _ noun: String) throws {
    // size_t comes as Int; nothing in memory has more than Int.max bytes.
    let (bytes, overflow) = count.multipliedReportingOverflow(by: max(size, 1) * 4)
    guard count >= 0, !overflow, bytes >= 0 else {
      throw ArgumentError("there are more \(noun) than memory can hold")
    }
  }

  static func unwrap<Pointer>(_ pointer: Pointer?, _ name: String) throws -> Pointer {
    guard let pointer else { throw ArgumentError("\(name) is NULL") }
    return pointer
  }

  static func string(_ text: UnsafePointer<CChar>?, _ name: String) throws -> String {
    let start = unsafe try unwrap(text, name)
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: strlen(start))
    guard let string = unsafe String(validating: bytes, as: UTF8.self) else {
      throw ArgumentError("\(name) is not UTF-8")
    }
    return string
  }

  /// A path, whatever its encoding.
  static func path(_ text: UnsafePointer<CChar>?, _ name: String) throws -> FilePath {
    let start = unsafe try unwrap(text, name)
    guard unsafe start.pointee != 0 else { throw ArgumentError("\(name) is empty") }
    return unsafe FilePath(platformString: start)
  }

  static func texts(
    _ texts: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int>?, _ count: Int
  ) throws -> [String] {
    try check(count, "texts")
    guard count > 0 else { return [] }
    let texts = unsafe try unwrap(texts, "texts")
    return try (0..<count).map { index in
      let start = unsafe try unwrap(texts[index], "text \(index)")
      let length = unsafe lengths.map { unsafe $0[index] } ?? strlen(start)
      guard length >= 0 else { throw ArgumentError("the length of text \(index) is too large") }
      let bytes = unsafe UnsafeRawBufferPointer(start: start, count: length)
      guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
        throw ArgumentError("text \(index) is not UTF-8")
      }
      return text
    }
  }

  static func files(
    _ paths: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int
  ) throws -> [PictureSource] {
    try check(count, "pictures")
    guard count > 0 else { return [] }
    let paths = unsafe try unwrap(paths, "paths")
    return try (0..<count).map { .file(unsafe try path(paths[$0], "path \($0)")) }
  }

  static func encoded(
    _ files: UnsafePointer<UnsafeRawPointer?>?, _ sizes: UnsafePointer<Int>?, _ count: Int
  ) throws -> [PictureSource] {
    try check(count, "pictures")
    guard count > 0 else { return [] }
    let (files, sizes) = unsafe (try unwrap(files, "files"), try unwrap(sizes, "sizes"))
    return try (0..<count).map { index in
      let size = unsafe sizes[index]
      guard size >= 0 else { throw ArgumentError("the size of file \(index) is too large") }
      let start = unsafe try unwrap(files[index], "file \(index)")
      return unsafe .encoded(Buffer(Array(UnsafeRawBufferPointer(start: start, count: size))))
    }
  }

  static func pictures(
    _ pictures: UnsafePointer<clippack_rgb>?, _ count: Int
  ) throws -> [PictureSource] {
    try check(count, "pictures")
    guard count > 0 else { return [] }
    let pictures = unsafe try unwrap(pictures, "pictures")
    return try (0..<count).map { unsafe try .decoded(picture(pictures[$0], $0)) }
  }

  private static func picture(_ rgb: clippack_rgb, _ index: Int) throws -> Picture {
    let (width, height) = unsafe (rgb.width, rgb.height)
    guard width > 0, height > 0, width <= Picture.mostPixels / height,
      max(width, height) <= Picture.longestEdge
    else {
      throw ArgumentError(
        "picture \(index) is \(width) × \(height) pixels, 1 to \(Picture.mostPixels) in all and "
          + "at most \(Picture.longestEdge) along an edge are allowed")
    }
    let row = 3 * width
    let stride = unsafe rgb.stride == 0 ? row : rgb.stride
    guard stride >= row, stride <= Int.max / height else {
      throw ArgumentError(
        "picture \(index) has rows \(stride) bytes apart, \(row) are the least")
    }
    let start = unsafe try unwrap(rgb.levels, "levels of picture \(index)")
    var levels: [UInt8] = []
    levels.reserveCapacity(row * height)
    for y in 0..<height {
      unsafe levels.append(
        contentsOf: UnsafeBufferPointer(start: start + y * stride, count: row))
    }
    return Picture(width: width, height: height, levels: levels)
  }
}
