internal import Bytes
internal import Tensors

/// Where a tensor's elements are in a file: PyTorch's offset, sizes and strides.
struct StridedPlace: Equatable, Sendable {
  /// Offsets in the file of the storage.
  let storage: Range<Int>
  let shape: Shape
  /// In bytes.
  let strides: [Int]
  /// The offset in the file of the first element.
  let start: Int
  /// How many bytes an element has.
  let size: Int
  /// Whether the elements lie one after the other in row-major order.
  let isContiguous: Bool

  /// - Parameters:
  ///   - strides: in elements, and so `offset`.
  ///   - count: how many elements the storage has.
  ///   - first: the element of the file's storage that is its first.
  /// - Throws: where an element would lie outside the storage.
  init(
    shape: Shape, strides: [Int], offset: Int, size: Int, count: Int, in storage: Range<Int>,
    from first: Int
  ) throws(FormatError) {
    let last = shape.count == 0 ? offset : Self.last(shape, strides, offset)
    guard let last, offset >= 0, strides.allSatisfy({ $0 >= 0 }),
      shape.count == 0 ? offset <= count : last < count
    else {
      throw FormatError(
        .inconsistent,
        "has the sizes \(shape.extents), the strides \(strides) and the offset \(offset), which "
          + "lead out of its storage of \(count) elements")
    }
    self.storage = storage
    self.shape = shape
    self.strides = strides.map { shape.count == 0 ? 0 : $0 &* size }
    self.size = size
    start = storage.lowerBound + (first + offset) * size
    var next = 1
    var isContiguous = true
    for (extent, stride) in zip(shape.extents, strides).reversed() where extent != 1 {
      isContiguous = isContiguous && stride == next
      next *= max(extent, 1)
    }
    self.isContiguous = isContiguous || shape.count == 0
  }

  /// The element with the largest index; `nil` where that is no `Int`.
  private static func last(_ shape: Shape, _ strides: [Int], _ offset: Int) -> Int? {
    var last = offset
    for (extent, stride) in zip(shape.extents, strides) {
      let (step, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, isTooLarge) = last.addingReportingOverflow(step)
      guard !overflow, !isTooLarge else { return nil }
      last = sum
    }
    return last
  }

  /// Copies a part of the elements, in row-major order.
  ///
  /// - Parameter part: of the bytes that the elements take in that order; whole elements.
  func gather(_ part: Range<Int>, from file: RawSpan) -> Buffer {
    precondition(part.lowerBound % size == 0 && part.count % size == 0, "\(part) cuts elements")
    let (row, rowStride) = (shape.extents.last ?? 1, strides.last ?? 0)
    return Buffer(count: part.count) { output in
      var element = part.lowerBound / size
      let end = part.upperBound / size
      while element < end {
        let column = element % row
        let count = min(row - column, end - element)
        let from = offset(ofRow: element / row) + column * rowStride
        Self.copy(
          count, of: size, from, rowStride, file, &output, (element - part.lowerBound / size) * size
        )
        element += count
      }
    }
  }

  /// The offset in the file of a row's first element, the rows counted over all but the last
  /// extent.
  private func offset(ofRow row: Int) -> Int {
    var (rest, offset) = (row, start)
    for (extent, stride) in zip(shape.extents, strides).dropLast().reversed() {
      offset += rest % extent * stride
      rest /= extent
    }
    return offset
  }

  private static func copy(
    _ count: Int, of size: Int, _ from: Int, _ stride: Int, _ file: RawSpan,
    _ output: inout MutableRawSpan, _ to: Int
  ) {
    switch size {
    case 1: copy(count, UInt8.self, from, stride, file, &output, to)
    case 2: copy(count, UInt16.self, from, stride, file, &output, to)
    case 4: copy(count, UInt32.self, from, stride, file, &output, to)
    default: copy(count, UInt64.self, from, stride, file, &output, to)
    }
  }

  private static func copy<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ count: Int, _: Bits.Type, _ from: Int, _ stride: Int, _ file: RawSpan,
    _ output: inout MutableRawSpan, _ to: Int
  ) {
    let size = MemoryLayout<Bits>.size
    precondition(from >= 0 && from + (count - 1) * stride + size <= file.byteCount)
    for index in 0..<count {
      let bits = unsafe file.unsafeLoadUnaligned(
        fromByteOffset: from + index * stride, as: Bits.self)
      output.storeBytes(of: bits, toByteOffset: to + index * size, as: Bits.self)
    }
  }
}
