import Bytes
import Concurrency
import Kernels
import Tensors
import TestSupport
import Testing

@Suite("Narrowing")
struct NarrowingTests {
  let pool = WorkerPool(threads: 2)

  private func tensor(_ values: [Float]) -> Tensor {
    Tensor(.float32, Shape([values.count])!, Buffer(littleEndian: values))
  }

  private func patterns(_ tensor: Tensor) -> [UInt32] {
    tensor.withFloats(0..<tensor.shape.count) { span in span.indices.map { span[$0].bitPattern } }
  }

  private func check(_ values: [Float], _ type: ElementType) {
    let narrow = tensor(values).narrowedExactly(pool: pool)
    #expect(narrow.elementType == type)
    #expect(narrow.shape.extents == [values.count])
    #expect(patterns(narrow) == values.map(\.bitPattern))
  }

  @Test func `finds float16 where every value is one`() {
    check(
      [0, -0.0, 1, -65_504, 0x1p-24, -0x1p-14, .infinity, -.infinity, 0.333251953125], .float16)
    check((0..<200_001).map { Float($0 % 2048) * 0x1p-20 }, .float16)
  }

  @Test func `finds bfloat16 where every value is one, NaN included`() {
    check([1, 1e30.rounded32Up, 0x1p-126, 0x1p-133], .bfloat16)
    check([.nan, Float(bitPattern: 0xffc1_0000), 0], .bfloat16)
  }

  @Test func `leaves float32 where one value is neither`() {
    check([1, 0.1], .float32)
    check([65_505], .float32)
    check([Float(bitPattern: 0x7f80_0001)], .float32)
    check([.leastNonzeroMagnitude], .float32)
    // Beyond the sample, and beyond the first job.
    for position in [4095, 4096, 65_535, 65_536, 200_000] {
      var values = [Float](repeating: 0.5, count: 200_001)
      values[position] = 0.1
      check(values, .float32)
    }
  }

  @Test func `leaves other types and empty tensors alone`() {
    let bytes = Tensor(.uint8, [3], Buffer([1, 2, 3]))
    #expect(bytes.narrowedExactly(pool: pool).elementType == .uint8)
    #expect(tensor([]).narrowedExactly(pool: pool).elementType == .float32)
  }

  @Test func `rounds to nearest, ties to even`() throws {
    let ulp: Float = 0x1p-10
    let narrow = try tensor([
      1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, 65_519, 0x1p-25, 0x1.8p-25,
    ])
    .rounded(to: .float16, .float16, pool: pool)
    #expect(
      patterns(narrow)
        == ([1, 1 + 2 * ulp, 1 + ulp, 65_504, 0, 0x1p-24] as [Float]).map(\.bitPattern))
    let brain = try tensor([1 + 0x1p-8, 1 + 0x1.8p-7, 3e38]).rounded(
      to: .bfloat16, .bfloat16, pool: pool)
    #expect(patterns(brain) == [0x3f80_0000, 0x3f82_0000, 0x7f62_0000])
  }

  @Test func `keeps NaN, infinities and the sign of zero`() throws {
    for (half, type) in [(Half.float16, ElementType.float16), (.bfloat16, .bfloat16)] {
      let narrow = try tensor([.nan, .infinity, -.infinity, -0.0, Float(bitPattern: 0x7f80_0001)])
        .rounded(to: half, type, pool: pool)
      let found = patterns(narrow).map(Float.init(bitPattern:))
      #expect(found[0].isNaN && found[4].isNaN)
      #expect(found[1] == .infinity && found[2] == -.infinity)
      #expect(found[3].bitPattern == 0x8000_0000)
    }
  }

  @Test func `counts what lies beyond the range`() throws {
    var values = [Float](repeating: 1, count: 150_000)
    for index in [0, 70_000, 149_999] { values[index] = -65_520 }
    values[5] = .infinity
    #expect(throws: Overflow(count: 3, type: .float16)) {
      try tensor(values).rounded(to: .float16, .float16, pool: pool)
    }
    #expect(throws: Overflow(count: 1, type: .bfloat16)) {
      try tensor([.greatestFiniteMagnitude]).rounded(to: .bfloat16, .bfloat16, pool: pool)
    }
    let brain = try tensor([1e30]).rounded(to: .bfloat16, .bfloat16, pool: pool)
    #expect(throws: Overflow(count: 1, type: .float16)) {
      try brain.rounded(to: .float16, .float16, pool: pool)
    }
  }

  @Test func `goes from one half to the other by way of float32`() throws {
    let half = try tensor([0.333251953125, 3]).rounded(to: .float16, .float16, pool: pool)
    let brain = try half.rounded(to: .bfloat16, .bfloat16, pool: pool)
    #expect(brain.elementType == .bfloat16)
    #expect(patterns(brain) == ([0.333984375, 3] as [Float]).map(\.bitPattern))
    #expect(try half.rounded(to: .float16, .float16, pool: pool).buffer === half.buffer)
  }
}

extension Double {
  /// A float32 near this number whose low 16 bits are zero: a bfloat16.
  fileprivate var rounded32Up: Float { Float(bitPattern: Float(self).bitPattern & 0xffff_0000) }
}
