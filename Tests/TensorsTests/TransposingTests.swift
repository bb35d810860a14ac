import Bytes
import Tensors
import Testing

@Suite("Transposing")
struct TransposingTests {
  @Test(
    arguments: [ElementType.int8, .bfloat16, .float32, .int64],
    [[1, 1], [3, 5], [64, 7], [65, 130], [0, 4]])
  func `puts columns in the place of rows, bit for bit`(
    type: ElementType, extents: [Int]
  ) throws {
    let (rows, columns, size) = (extents[0], extents[1], type.bits / 8)
    // Each element says where it stood.
    let bytes = (0..<rows * columns).flatMap { index in
      (0..<size).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0 &* 7) }
    }
    let shape = try #require(Shape(extents))
    let buffer = Tensor(type, shape, Buffer(bytes)).transposed
    let found = buffer.bytes
    var expected: [UInt8] = []
    for column in 0..<columns {
      for row in 0..<rows {
        expected += bytes[(row * columns + column) * size..<(row * columns + column + 1) * size]
      }
    }
    #expect(found.array == expected)
  }
}
