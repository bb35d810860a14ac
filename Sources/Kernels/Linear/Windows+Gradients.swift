public import Concurrency

/// What windows, convolutions in groups and averages pass back to their map: sums in the order of
/// the results, so that they have the same bits for any number of threads and on every processor.
extension Windows {
  /// Adds the gradient of windows to that of the map they were gathered from.
  ///
  /// - Parameters:
  ///   - gradient: `[images · (leading + rows · columnsOfMap), columns]`.
  ///   - leading: rows before those of each image, which come from no map.
  ///   - map: `[images · height · width, channels]`.
  public func addGradient(
    ofWindows gradient: Span<Float>, leading: Int, to map: inout MutableSpan<Float>,
    on pool: WorkerPool
  ) {
    let places = rows * columnsOfMap
    check(gradient.count, map.count, perImage: (leading + places) * columns)
    let taps = kernel.height * kernel.width
    unsafe forEachImage(
      gradient, &map, skipping: leading * columns, perImage: (leading + places) * columns, pool
    ) { from, to in
      forEachTap { place, tap, element in
        let source = unsafe from + place * columns + tap
        let target = unsafe to + element * channels
        for channel in 0..<channels { unsafe target[channel] += source[channel * taps] }
      }
    }
  }

  /// Adds the gradient of a convolution in groups to that of its map.
  ///
  /// - Parameters:
  ///   - gradient: `[images · rows · columnsOfMap, outputWidth]`.
  ///   - weight: `[outputWidth, channels / groups, kernel.height, kernel.width]`.
  ///   - map: `[images · height · width, channels]`.
  public func addGradient(
    ofConvolved gradient: Span<Float>, weight: Span<Float>, width outputWidth: Int, groups: Int,
    to map: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    let (inputs, outputs) = (channels / groups, outputWidth / groups)
    let taps = kernel.height * kernel.width
    let perImage = rows * columnsOfMap * outputWidth
    check(gradient.count, map.count, perImage: perImage)
    precondition(
      weight.count == outputWidth * inputs * taps && channels == inputs * groups
        && outputWidth == outputs * groups,
      "\(weight.count) weights of \(groups) groups from \(channels) to \(outputWidth)")
    guard !weight.isEmpty else { return }
    unsafe weight.withUnsafeBufferPointer { weight in
      nonisolated(unsafe) let weight = weight.baseAddress!
      unsafe forEachImage(gradient, &map, skipping: 0, perImage: perImage, pool) { from, to in
        forEachTap { place, tap, element in
          let source = unsafe from + place * outputWidth
          let target = unsafe to + element * channels
          for channel in 0..<outputWidth {
            let first = channel / outputs * inputs
            for input in 0..<inputs {
              unsafe target[first + input] +=
                source[channel] * weight[(channel * inputs + input) * taps + tap]
            }
          }
        }
      }
    }
  }

  /// Adds the gradient of means of windows to that of the map.
  ///
  /// - Parameters:
  ///   - gradient: `[images · rows · columnsOfMap, channels]`.
  ///   - map: `[images · height · width, channels]`.
  public func addGradient(
    ofAverages gradient: Span<Float>, to map: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    let perImage = rows * columnsOfMap * channels
    check(gradient.count, map.count, perImage: perImage)
    unsafe forEachImage(gradient, &map, skipping: 0, perImage: perImage, pool) { from, to in
      forEachTap { place, _, element in
        let (lines, columns) = seen(place / columnsOfMap, place % columnsOfMap)
        let share = 1 / Float(lines.count * columns.count)
        let source = unsafe from + place * channels
        let target = unsafe to + element * channels
        for channel in 0..<channels { unsafe target[channel] += source[channel] * share }
      }
    }
  }

  private func check(_ gradient: Int, _ map: Int, perImage: Int) {
    let area = channels * height * width
    precondition(
      map % area == 0 && gradient == map / area * perImage,
      "\(gradient) gradients of \(perImage) an image, \(map) floats of \(area)")
  }

  /// Where the gradient and the map of each image begin, on any thread.
  private func forEachImage(
    _ gradient: Span<Float>, _ map: inout MutableSpan<Float>, skipping: Int, perImage: Int,
    _ pool: WorkerPool,
    _ body: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let area = channels * height * width
    unsafe gradient.withUnsafeBufferPointer { gradient in
      unsafe map.withUnsafeMutableBufferPointer { map in
        guard !gradient.isEmpty, !map.isEmpty else { return }
        nonisolated(unsafe) let (from, to) = (gradient.baseAddress!, map.baseAddress!)
        pool.run(map.count / area) { image in
          unsafe body(from + image * perImage + skipping, to + image * area)
        }
      }
    }
  }

  /// Each element of a window that lies within the map: the place of the result, the element's
  /// number in a window of one channel, and the place in the map.
  private func forEachTap(_ body: (_ place: Int, _ tap: Int, _ element: Int) -> Void) {
    for y in 0..<rows {
      for x in 0..<columnsOfMap {
        let (top, left) = (
          y * stride.height - padding.height, x * stride.width - padding.width
        )
        let (lines, columns) = seen(y, x)
        for line in lines {
          for column in columns {
            body(
              y * columnsOfMap + x, (line - top) * kernel.width + column - left,
              line * width + column)
          }
        }
      }
    }
  }
}
