import Concurrency
import Kernels
import Testing

@Suite("Patches")
struct PatchesTests {
  @Test(arguments: [(1, 3, 8, 4), (3, 2, 9, 4), (2, 1, 5, 5), (2, 3, 32, 16)], [1, 3])
  func `are rows of an image's pixels, behind a row of zeros`(
    shape: (images: Int, channels: Int, size: Int, patch: Int), threads: Int
  ) {
    let (images, channels, size, patch) = shape
    let pixels = (0..<images * channels * size * size).map { Float($0 + 1) }
    let rows = patches(
      pixels.span, channels: channels, size: size, patch: patch,
      on: WorkerPool(threads: threads))
    let (edge, columns) = (size / patch, channels * patch * patch)
    var expected: [Float] = []
    for image in 0..<images {
      expected += [Float](repeating: 0, count: columns)
      for token in 0..<edge * edge {
        for column in 0..<columns {
          let (channel, line, x) = (
            column / (patch * patch), column / patch % patch, column % patch
          )
          let (top, left) = (token / edge * patch, token % edge * patch)
          expected.append(
            pixels[((image * channels + channel) * size + top + line) * size + left + x])
        }
      }
    }
    #expect(rows == expected)
  }
}
