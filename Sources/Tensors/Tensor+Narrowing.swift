internal import Bytes
public import Concurrency
public import Kernels
internal import Synchronization

extension Tensor {
  /// How many elements one thread narrows at a time.
  private static let elementsPerJob = 1 << 16

  /// The same values in the narrowest float type that carries every one of them exactly.
  ///
  /// A float32 tensor may turn out to hold float16 or bfloat16 values: published files often do.
  /// Any other tensor is returned as it is.
  public func narrowedExactly(pool: WorkerPool) -> Tensor {
    guard elementType == .float32, shape.count > 0 else { return self }
    for (half, type) in [(Half.float16, ElementType.float16), (.bfloat16, .bfloat16)] {
      if let narrow = narrowed(exactlyTo: half, type, pool) { return narrow }
    }
    return self
  }

  private func narrowed(exactlyTo half: Half, _ type: ElementType, _ pool: WorkerPool) -> Tensor? {
    // Most tensors that do not fit show it at once.
    let sample = min(shape.count, 4096)
    var halves = [UInt16](repeating: 0, count: sample)
    var output = halves.mutableSpan
    guard withFloats(0..<sample, { half.narrowExactly($0, into: &output) }) == 0 else { return nil }
    let inexact = Atomic(0)
    let buffer = halved(pool) { floats, halves in
      inexact.add(half.narrowExactly(floats, into: &halves), ordering: .relaxed)
    }
    return inexact.load(ordering: .relaxed) == 0 ? Tensor(type, shape, buffer) : nil
  }

  /// The values rounded to a 16-bit float type, to nearest, ties to even.
  ///
  /// - Throws: `Overflow` when finite values lie beyond the type's range.
  /// - Precondition: float32, float16 or bfloat16 elements.
  public func rounded(
    to half: Half, _ type: ElementType, pool: WorkerPool
  ) throws(Overflow) -> Tensor {
    if elementType == type { return self }
    let overflows = Atomic(0)
    let buffer = halved(pool) { floats, halves in
      var bytes = unsafe halves.mutableBytes
      let count = unsafe half.narrow(floats.bytes, into: &bytes)
      overflows.add(count, ordering: .relaxed)
    }
    let count = overflows.load(ordering: .relaxed)
    guard count == 0 else { throw Overflow(count: count, type: type) }
    return Tensor(type, shape, buffer)
  }

  private func halved(
    _ pool: WorkerPool,
    _ narrow: @escaping @Sendable (Span<Float>, inout MutableSpan<UInt16>) -> Void
  ) -> Buffer {
    let count = shape.count
    return Buffer(count: 2 * count, chunk: 2 * Self.elementsPerJob, on: pool) {
      index, output in
      let start = index * Self.elementsPerJob
      withFloats(start..<min(start + Self.elementsPerJob, count)) { floats in
        unsafe output.withUnsafeMutableBytes { bytes in
          var halves = unsafe MutableSpan<UInt16>(_unsafeBytes: bytes)
          narrow(floats, &halves)
        }
      }
    }
  }
}
