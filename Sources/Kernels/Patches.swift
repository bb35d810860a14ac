public import Concurrency

/// What a patch convolution takes, a row for each token: the pixels of a patch channel by channel, line
/// by line. The row of the class token, the first of each image, is zero.
///
/// - Parameters:
///   - pixels: `[images, channels, size, size]`.
///   - size, patch: lengths of an edge, in pixels; what is left beyond whole patches is not looked at.
/// - Returns: `[images · (1 + (size / patch)²), channels · patch²]`.
public func patches(
  _ pixels: Span<Float>, channels: Int, size: Int, patch: Int, on pool: WorkerPool
) -> [Float] {
  precondition(patch > 0 && size >= patch && channels > 0, "\(channels) of \(size)² in \(patch)²")
  let area = channels * size * size
  precondition(pixels.count % area == 0, "\(pixels.count) pixels in images of \(area)")
  let (images, edge, columns) = (pixels.count / area, size / patch, channels * patch * patch)
  let count = images * (1 + edge * edge) * columns
  return unsafe [Float](unsafeUninitializedCapacity: count) { rows, initialized in
    unsafe pixels.withUnsafeBufferPointer { pixels in
      guard let rows = rows.baseAddress, let pixels = pixels.baseAddress else { return }
      nonisolated(unsafe) let (from, to) = unsafe (pixels, rows)
      // A row of patches of an image.
      pool.run(images * edge) { index in
        let (image, y) = (index / edge, index % edge)
        let first = unsafe to + image * (1 + edge * edge) * columns
        if y == 0 { unsafe first.initialize(repeating: 0, count: columns) }
        for x in 0..<edge {
          var row = unsafe first + (1 + y * edge + x) * columns
          for channel in 0..<channels {
            var line = unsafe from + image * area + (channel * size + y * patch) * size + x * patch
            for _ in 0..<patch {
              unsafe row.initialize(from: line, count: patch)
              unsafe row += patch
              unsafe line += size
            }
          }
        }
      }
    }
    initialized = count
  }
}
