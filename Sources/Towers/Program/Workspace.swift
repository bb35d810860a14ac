internal import Concurrency
internal import Kernels

/// The memory that a run of a plan works in. One run uses it at a time; the next may use it again.
@safe final class Workspace: @unchecked Sendable {
  private var floats: UnsafeMutablePointer<Float>
  private(set) var capacity: Int
  /// Where each buffer begins, and after the last one, where it ends.
  private var starts: [Int] = []
  private var counts: [Int] = []
  var codes = ActivationCodes()

  init() {
    capacity = 16
    unsafe floats = Self.allocate(16)
  }

  deinit { unsafe floats.deallocate() }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    unsafe UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
  }

  /// Makes room for buffers of `counts` floats, whose content is arbitrary.
  func lay(_ counts: [Int]) {
    self.counts = counts
    var end = 0
    starts = counts.map { count in
      defer { end += (count + 15) / 16 * 16 }
      return end
    }
    codes.forget()
    guard end > capacity else { return }
    unsafe floats.deallocate()
    capacity = end
    unsafe floats = Self.allocate(end)
    // Memory that Swift sees as initialised; the system gives zeroed pages, so this costs a pass.
    unsafe floats.initialize(repeating: 0, count: end)
  }

  /// A buffer, or its first elements.
  ///
  /// - Precondition: nobody writes to the buffer while the span lives.
  @_lifetime(borrow self)
  func span(_ buffer: Int) -> Span<Float> {
    let pointer = unsafe UnsafeBufferPointer(start: floats + starts[buffer], count: counts[buffer])
    return unsafe _overrideLifetime(Span(_unsafeElements: pointer), borrowing: self)
  }

  /// A buffer to be written.
  ///
  /// - Precondition: no other span of the same buffer lives at the same time.
  @_lifetime(borrow self)
  func mutableSpan(_ buffer: Int) -> MutableSpan<Float> {
    let pointer = unsafe UnsafeMutableBufferPointer(
      start: floats + starts[buffer], count: counts[buffer])
    return unsafe _overrideLifetime(MutableSpan(_unsafeElements: pointer), borrowing: self)
  }

  /// Copies all of one buffer to another of the same size.
  func copy(_ source: Int, to target: Int) {
    precondition(
      counts[source] == counts[target], "\(counts[source]) floats to \(counts[target])")
    unsafe (floats + starts[target]).update(from: floats + starts[source], count: counts[source])
  }
}

/// A row matrix in the codes that products take, made when the first product asks for them; others
/// that take the same register share them.
struct ActivationCodes {
  private(set) var bytes = ByteRows()
  private(set) var halves = HalfRows()
  /// The register that `bytes` stand for, and their width in bits.
  private var bytesOf: (register: Int, bits: Int)?
  private var halvesOf: Int?

  /// The registers mean something else from now on.
  mutating func forget() {
    bytesOf = nil
    halvesOf = nil
  }

  /// Makes `bytes` those of a register, which never changes once it is written.
  mutating func makeBytes(
    of register: Int, _ x: Span<Float>, width: Int, bits: Int, on pool: WorkerPool
  ) {
    if let bytesOf, bytesOf == (register, bits) { return }
    bytes.quantise(x, width: width, bits: bits, on: pool)
    bytesOf = (register, bits)
  }

  /// Makes `halves` those of a register.
  mutating func makeHalves(of register: Int, _ x: Span<Float>, width: Int, on pool: WorkerPool) {
    if halvesOf == register { return }
    halves.round(x, width: width, on: pool)
    halvesOf = register
  }
}
