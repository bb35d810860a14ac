public import Concurrency

/// How a convolution or pooling goes over a map.
public struct Windows: Sendable {
  public let channels: Int
  public let height: Int
  public let width: Int
  public let kernel: (height: Int, width: Int)
  public let stride: (height: Int, width: Int)
  /// Zeros on both sides.
  public let padding: (height: Int, width: Int)

  /// - Precondition: a window fits into the map with its padding.
  public init(
    channels: Int, height: Int, width: Int, kernel: (height: Int, width: Int),
    stride: (height: Int, width: Int), padding: (height: Int, width: Int)
  ) {
    precondition(
      channels > 0 && kernel.height > 0 && kernel.width > 0 && stride.height > 0
        && stride.width > 0 && height + 2 * padding.height >= kernel.height
        && width + 2 * padding.width >= kernel.width,
      "windows of \(kernel) over \(height)×\(width)")
    self.channels = channels
    self.height = height
    self.width = width
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// Of the result.
  public var rows: Int { (height + 2 * padding.height - kernel.height) / stride.height + 1 }
  public var columnsOfMap: Int { (width + 2 * padding.width - kernel.width) / stride.width + 1 }
  /// Elements of a window: channel by channel, line by line, as weights have them.
  public var columns: Int { channels * kernel.height * kernel.width }
  /// Whether a window is one element of the map, and each element is one.
  public var isPointwise: Bool {
    kernel == (1, 1) && stride == (1, 1) && padding == (0, 0)
  }

  /// The lines and columns of the map that a window sees, by its place in the result.
  func seen(_ y: Int, _ x: Int) -> (lines: Range<Int>, columns: Range<Int>) {
    let (top, left) = (y * stride.height - padding.height, x * stride.width - padding.width)
    return (
      max(top, 0)..<max(top, 0, min(top + kernel.height, height)),
      max(left, 0)..<max(left, 0, min(left + kernel.width, width))
    )
  }

  /// Windows of planar pixels, a row for each place of the result.
  ///
  /// - Parameters:
  ///   - pixels: `[images, channels, height, width]`.
  ///   - leading: rows of zeros before those of each image.
  ///   - output: `[images · (leading + rows · columnsOfMap), columns]`.
  public func gather(
    pixels: Span<Float>, leading: Int, into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    gather(
      pixels, leading: leading, into: &output, on: pool,
      Source(channel: height * width, line: width, element: 1))
  }

  /// Windows of a map, a row for each place of the result.
  ///
  /// - Parameters:
  ///   - map: `[images · height · width, channels]`.
  ///   - leading: rows of zeros before those of each image.
  ///   - output: `[images · (leading + rows · columnsOfMap), columns]`.
  public func gather(
    map: Span<Float>, leading: Int, into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    gather(
      map, leading: leading, into: &output, on: pool,
      Source(channel: 1, line: width * channels, element: channels))
  }

  /// How far neighbours are apart.
  private struct Source {
    var channel: Int
    var line: Int
    var element: Int
  }

  private func gather(
    _ input: Span<Float>, leading: Int, into output: inout MutableSpan<Float>,
    on pool: WorkerPool, _ source: Source
  ) {
    let area = channels * height * width
    let places = rows * columnsOfMap
    let images = input.count / area
    precondition(
      input.count == images * area && output.count == images * (leading + places) * columns,
      "\(input.count) floats of \(area) an image, \(output.count) of windows")
    unsafe input.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard !input.isEmpty, !output.isEmpty else { return }
        nonisolated(unsafe) let (from, to) = (input.baseAddress!, output.baseAddress!)
        // A line of the result of an image.
        pool.run(images * rows) { index in
          let (image, y) = (index / rows, index % rows)
          let first = unsafe to + image * (leading + places) * columns
          if y == 0 { unsafe first.update(repeating: 0, count: leading * columns) }
          for x in 0..<columnsOfMap {
            unsafe window(
              from + image * area, source, y * stride.height - padding.height,
              x * stride.width - padding.width,
              into: first + (leading + y * columnsOfMap + x) * columns)
          }
        }
      }
    }
  }

  /// One window, whose corner may lie outside.
  private func window(
    _ image: UnsafePointer<Float>, _ source: Source, _ top: Int, _ left: Int,
    into row: UnsafeMutablePointer<Float>
  ) {
    let seen = max(0, -left)..<max(0, -left, min(kernel.width, width - left))
    var to = unsafe row
    for channel in 0..<channels {
      for line in top..<top + kernel.height {
        guard line >= 0, line < height, !seen.isEmpty else {
          unsafe to.update(repeating: 0, count: kernel.width)
          unsafe to += kernel.width
          continue
        }
        unsafe to.update(repeating: 0, count: seen.lowerBound)
        var at =
          unsafe image + channel * source.channel + line * source.line
          + (left + seen.lowerBound) * source.element
        if source.element == 1 {
          unsafe (to + seen.lowerBound).update(from: at, count: seen.count)
        } else {
          for column in seen {
            unsafe to[column] = at.pointee
            unsafe at += source.element
          }
        }
        unsafe (to + seen.upperBound).update(
          repeating: 0, count: kernel.width - seen.upperBound)
        unsafe to += kernel.width
      }
    }
  }
}
