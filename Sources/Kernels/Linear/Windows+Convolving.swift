internal import CKernels
public import Concurrency

extension Windows {
  /// A convolution in which each group of output channels sees its own group of input channels.
  ///
  /// Sums run over a window in the order of its weights, so that results depend on shapes alone.
  ///
  /// - Parameters:
  ///   - map: `[images · height · width, channels]`.
  ///   - weight: `[outputWidth, channels / groups, kernel.height, kernel.width]`.
  ///   - bias: `[outputWidth]`, or empty for none.
  ///   - output: `[images · rows · columnsOfMap, outputWidth]`.
  /// - Precondition: the shapes fit, and `groups` divides both numbers of channels.
  public func convolve(
    _ map: Span<Float>, weight: Span<Float>, bias: Span<Float>, width outputWidth: Int,
    groups: Int, into output: inout MutableSpan<Float>, on pool: WorkerPool,
    using isa: InstructionSet = .widest
  ) {
    let (area, places) = (channels * height * width, rows * columnsOfMap)
    let images = map.count / area
    let inputs = channels / groups
    let outputs = outputWidth / groups
    let taps = kernel.height * kernel.width
    precondition(
      map.count == images * area && output.count == images * places * outputWidth
        && weight.count == outputWidth * inputs * taps && channels == inputs * groups
        && outputWidth == outputs * groups && (bias.isEmpty || bias.count == outputWidth),
      "\(map.count) floats, \(weight.count) weights, \(output.count) results")
    // Weights by tap, so that neighbouring channels are computed together.
    var byTap = [Float](repeating: 0, count: weight.count)
    for channel in 0..<outputWidth {
      for input in 0..<inputs {
        for tap in 0..<taps {
          byTap[(tap * inputs + input) * outputWidth + channel] =
            weight[(channel * inputs + input) * taps + tap]
        }
      }
    }
    unsafe map.withUnsafeBufferPointer { map in
      unsafe byTap.withUnsafeBufferPointer { weight in
        unsafe bias.withUnsafeBufferPointer { bias in
          unsafe output.withUnsafeMutableBufferPointer { output in
            guard !map.isEmpty, !output.isEmpty else { return }
            nonisolated(unsafe) let (from, to) = (map.baseAddress!, output.baseAddress!)
            nonisolated(unsafe) let weight = weight.baseAddress!
            // An empty buffer may have an address too.
            nonisolated(unsafe) let bias = bias.isEmpty ? nil : bias.baseAddress
            pool.run(images * rows) { index in
              let (image, y) = (index / rows, index % rows)
              if outputs == 1, inputs == 1 {
                return unsafe ck_depthwise_f32(
                  to + (image * places + y * columnsOfMap) * channels, from + image * area, weight,
                  bias, cWindows, y, isa.c)
              }
              for x in 0..<columnsOfMap {
                let row = unsafe to + (image * places + y * columnsOfMap + x) * outputWidth
                if let bias = unsafe bias {
                  unsafe row.update(from: bias, count: outputWidth)
                } else {
                  unsafe row.update(repeating: 0, count: outputWidth)
                }
                for tap in 0..<taps {
                  let line = y * stride.height - padding.height + tap / kernel.width
                  let column = x * stride.width - padding.width + tap % kernel.width
                  guard line >= 0, line < height, column >= 0, column < width else { continue }
                  let source = unsafe from + image * area + (line * width + column) * channels
                  for input in 0..<inputs {
                    let factors = unsafe weight + (tap * inputs + input) * outputWidth
                    for group in 0..<groups {
                      let value = unsafe source[group * inputs + input]
                      for channel in group * outputs..<(group + 1) * outputs {
                        unsafe row[channel] += value * factors[channel]
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private var cWindows: CKWindows {
    CKWindows(
      channels: channels, height: height, width: width, kernel_height: kernel.height,
      kernel_width: kernel.width, stride_height: stride.height, stride_width: stride.width,
      padding_height: padding.height, padding_width: padding.width, columns: columnsOfMap)
  }

  /// The mean of those elements of each window that lie within the map.
  ///
  /// - Parameters:
  ///   - map: `[images · height · width, channels]`.
  ///   - output: `[images · rows · columnsOfMap, channels]`.
  public func average(
    _ map: Span<Float>, into output: inout MutableSpan<Float>, on pool: WorkerPool
  ) {
    let (area, places) = (channels * height * width, rows * columnsOfMap)
    let images = map.count / area
    precondition(
      map.count == images * area && output.count == images * places * channels
        && padding.height < kernel.height && padding.width < kernel.width,
      "\(map.count) floats, \(output.count) means")
    unsafe map.withUnsafeBufferPointer { map in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard !map.isEmpty, !output.isEmpty else { return }
        nonisolated(unsafe) let (from, to) = (map.baseAddress!, output.baseAddress!)
        pool.run(images * rows) { index in
          let (image, y) = (index / rows, index % rows)
          for x in 0..<columnsOfMap {
            let row = unsafe to + (image * places + y * columnsOfMap + x) * channels
            unsafe row.update(repeating: 0, count: channels)
            let (lines, columns) = seen(y, x)
            let share = 1 / Float(lines.count * columns.count)
            for line in lines {
              for column in columns {
                let source = unsafe from + image * area + (line * width + column) * channels
                for channel in 0..<channels { unsafe row[channel] += source[channel] }
              }
            }
            for channel in 0..<channels { unsafe row[channel] *= share }
          }
        }
      }
    }
  }
}
