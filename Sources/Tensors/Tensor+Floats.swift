internal import Bytes
internal import Kernels

extension Tensor {
  /// Lends a range of the elements as float32: in place where they lie so, else from a copy.
  ///
  /// - Precondition: the elements are float32, float16 or bfloat16, and the range is within.
  public func withFloats<Result>(
    _ range: Range<Int>, _ body: (Span<Float>) throws -> Result
  ) rethrows -> Result {
    let size = elementType.bits / 8
    let part = buffer.slice(range.lowerBound * size..<range.upperBound * size)
    switch elementType {
    case .float32 where part.isAligned(to: Float.self):
      return try body(part.span(of: Float.self))
    case .float32:
      let copy = unsafe [Float](unsafeUninitializedCapacity: range.count) { output, count in
        unsafe part.bytes.withUnsafeBytes {
          unsafe UnsafeMutableRawBufferPointer(output).copyMemory(from: $0)
        }
        count = range.count
      }
      return try body(copy.span)
    case .float16, .bfloat16:
      var floats = [Float](repeating: 0, count: range.count)
      var output = floats.mutableSpan
      (elementType == .float16 ? Half.float16 : .bfloat16).widen(part.bytes, into: &output)
      return try body(floats.span)
    default:
      preconditionFailure("\(elementType.rawValue) does not widen to float32")
    }
  }

  /// All elements as float32, in row-major order.
  ///
  /// - Precondition: float32, float16 or bfloat16.
  package var floats: [Float] {
    withFloats(0..<shape.count) { floats in floats.indices.map { floats[$0] } }
  }

  /// The same values as float32.
  ///
  /// - Precondition: float32, float16 or bfloat16.
  package var widened: Tensor { Tensor(.float32, shape, Buffer(littleEndian: floats)) }
}
