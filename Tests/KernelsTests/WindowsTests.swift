import Concurrency
import Kernels
import Testing

/// Windows over maps, against their definition element by element.
@Suite("Windows")
struct WindowsTests {
  struct Case: Sendable, CustomStringConvertible {
    var images = 2
    var channels = 3
    var height: Int
    var width: Int
    var kernel: (Int, Int)
    var stride: (Int, Int)
    var padding: (Int, Int) = (0, 0)
    var leading = 0

    var windows: Windows {
      Windows(
        channels: channels, height: height, width: width, kernel: kernel, stride: stride,
        padding: padding)
    }
    var description: String {
      "\(height)×\(width), kernel \(kernel), stride \(stride), padding \(padding)"
    }
    var rows: Int { (height + 2 * padding.0 - kernel.0) / stride.0 + 1 }
    var columns: Int { (width + 2 * padding.1 - kernel.1) / stride.1 + 1 }

    /// The element of a planar image, zero outside.
    func pixel(_ pixels: [Float], _ image: Int, _ channel: Int, _ y: Int, _ x: Int) -> Float {
      guard y >= 0, y < height, x >= 0, x < width else { return 0 }
      return pixels[((image * channels + channel) * height + y) * width + x]
    }

    /// For each place of the result: image, and the corner of its window.
    func places(_ body: (_ image: Int, _ top: Int, _ left: Int) -> Void) {
      for image in 0..<images {
        for row in 0..<rows {
          for column in 0..<columns {
            body(image, row * stride.0 - padding.0, column * stride.1 - padding.1)
          }
        }
      }
    }
  }

  static let cases = [
    Case(height: 8, width: 8, kernel: (4, 4), stride: (4, 4), leading: 1),
    Case(images: 3, channels: 2, height: 9, width: 9, kernel: (4, 4), stride: (4, 4), leading: 2),
    Case(images: 1, channels: 1, height: 5, width: 5, kernel: (5, 5), stride: (5, 5)),
    Case(height: 6, width: 7, kernel: (3, 3), stride: (1, 1), padding: (1, 1)),
    Case(height: 7, width: 5, kernel: (3, 2), stride: (2, 1), padding: (2, 1), leading: 1),
    Case(height: 2, width: 3, kernel: (7, 7), stride: (1, 2), padding: (3, 3)),
    Case(height: 4, width: 4, kernel: (1, 1), stride: (2, 2)),
  ]

  private func pixels(_ shape: Case) -> [Float] {
    (0..<shape.images * shape.channels * shape.height * shape.width).map {
      Float($0 * 37 % 101) / 32 - 1.5
    }
  }

  /// The same image with a row of channels for each place.
  private func map(_ pixels: [Float], _ shape: Case) -> [Float] {
    let area = shape.height * shape.width
    return (0..<shape.images).flatMap { image in
      (0..<area).flatMap { place in
        (0..<shape.channels).map { pixels[(image * shape.channels + $0) * area + place] }
      }
    }
  }

  @Test(arguments: cases, [1, 3])
  func `are rows of an image's elements, behind rows of zeros`(shape: Case, threads: Int) {
    let (pixels, pool) = (pixels(shape), WorkerPool(threads: threads))
    var expected: [Float] = []
    shape.places { image, top, left in
      if top == -shape.padding.0, left == -shape.padding.1 {
        expected += [Float](repeating: 0, count: shape.leading * shape.windows.columns)
      }
      for channel in 0..<shape.channels {
        for y in top..<top + shape.kernel.0 {
          for x in left..<left + shape.kernel.1 {
            expected.append(shape.pixel(pixels, image, channel, y, x))
          }
        }
      }
    }
    for source in [pixels, map(pixels, shape)] {
      var rows = [Float](repeating: 9, count: expected.count)
      var span = rows.mutableSpan
      if source == pixels {
        shape.windows.gather(
          pixels: source.span, leading: shape.leading, into: &span, on: pool)
      } else {
        shape.windows.gather(map: source.span, leading: shape.leading, into: &span, on: pool)
      }
      #expect(rows == expected)
    }
  }

  @Test(arguments: cases, [(1, 2), (3, 1), (3, 2)])
  func `a convolution in groups sums the products of each window`(
    shape: Case, form: (groups: Int, each: Int)
  ) {
    let groups = shape.channels % form.groups == 0 ? form.groups : 1
    let (inputs, outputs) = (shape.channels / groups, groups * form.each)
    let taps = shape.kernel.0 * shape.kernel.1
    let pixels = pixels(shape)
    let weight = (0..<outputs * inputs * taps).map { Float($0 * 13 % 29) / 16 - 0.75 }
    let bias = (0..<outputs).map { Float($0) / 4 }
    var expected: [Double] = []
    shape.places { image, top, left in
      for output in 0..<outputs {
        var sum = Double(bias[output])
        for input in 0..<inputs {
          for tap in 0..<taps {
            let (y, x) = (top + tap / shape.kernel.1, left + tap % shape.kernel.1)
            let channel = output / form.each * inputs + input
            sum +=
              Double(weight[(output * inputs + input) * taps + tap])
              * Double(shape.pixel(pixels, image, channel, y, x))
          }
        }
        expected.append(sum)
      }
    }
    var found = [Float](repeating: 9, count: expected.count)
    let source = map(pixels, shape)
    var span = found.mutableSpan
    shape.windows.convolve(
      source.span, weight: weight.span, bias: bias.span, width: outputs, groups: groups,
      into: &span, on: WorkerPool(threads: 2))
    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 1e-4 })
  }

  @Test func `an average is that of each whole window`() {
    let shape = Case(height: 5, width: 6, kernel: (2, 3), stride: (2, 3))
    let pixels = pixels(shape)
    var expected: [Double] = []
    shape.places { image, top, left in
      for channel in 0..<shape.channels {
        var sum = 0.0
        for y in top..<top + 2 {
          for x in left..<left + 3 { sum += Double(shape.pixel(pixels, image, channel, y, x)) }
        }
        expected.append(sum / 6)
      }
    }
    var found = [Float](repeating: 9, count: expected.count)
    let source = map(pixels, shape)
    var span = found.mutableSpan
    shape.windows.average(source.span, into: &span, on: WorkerPool(threads: 2))
    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 1e-5 })
  }

  @Test func `an average is that of what a window sees of the map`() {
    // Of each window of 3 × 3 with a padding of 1, on a map whose elements are all 1.
    let windows = Windows(
      channels: 1, height: 4, width: 3, kernel: (3, 3), stride: (2, 2), padding: (1, 1))
    let ones = [Float](repeating: 1, count: 12)
    var found = [Float](repeating: 9, count: 4)
    var span = found.mutableSpan
    let pool = WorkerPool(threads: 2)
    windows.average(ones.span, into: &span, on: pool)
    #expect(zip(found, [1, 1, 1, 1]).allSatisfy { abs($0 - $1) <= 1e-6 })
    // Each element has a quarter of each upper window that it is in, and a sixth of each lower one.
    let incoming = [Float](repeating: 1, count: 4)
    var gradient = [Float](repeating: 0, count: 12)
    var sums = gradient.mutableSpan
    windows.addGradient(ofAverages: incoming.span, to: &sums, on: pool)
    let (corner, edge): (Float, Float) = (1 / 4, 1 / 6)
    let expected = [
      corner, 2 * corner, corner, corner + edge, 2 * corner + 2 * edge, corner + edge,
      edge, 2 * edge, edge, edge, 2 * edge, edge,
    ]
    #expect(zip(gradient, expected).allSatisfy { abs($0 - $1) <= 1e-6 })
  }
}
