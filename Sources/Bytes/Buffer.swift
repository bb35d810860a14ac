public import Concurrency

/// Bytes that stay where they are, unchanged, for as long as someone holds this object.
///
/// They are memory of this object's own, aligned to 64 bytes, or a part of a mapped file, which
/// the object then keeps mapped.
@safe public final class Buffer: Sendable {
  private nonisolated(unsafe) let start: UnsafeMutableRawPointer
  public let count: Int
  /// What owns the memory, kept for its `deinit` alone.
  private let owner: any AnyObject & Sendable

  /// Allocates `count` bytes and has `body` fill them; they begin as zeros.
  public init<E: Error>(
    count: Int, filledBy body: (inout MutableRawSpan) throws(E) -> Void
  ) throws(E) {
    let memory = unsafe Memory(count: count)
    unsafe memory.start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    var span = unsafe MutableRawSpan(_unsafeStart: memory.start, byteCount: count)
    try body(&span)
    unsafe start = memory.start
    self.count = count
    owner = unsafe memory
  }

  /// Allocates `count` bytes and has `body` fill them chunk by chunk, on the threads of a pool.
  ///
  /// - Parameters:
  ///   - chunk: how many bytes each call of `body` gets; the last one may get fewer.
  ///   - body: fills the chunk of that index, wholly.
  /// - Throws: what the first chunk (by index) that failed threw.
  public init<E: Error>(
    count: Int, chunk: Int, on pool: WorkerPool,
    filledBy body: @escaping @Sendable (Int, inout MutableRawSpan) throws(E) -> Void
  ) throws(E) {
    let memory = unsafe Memory(count: count)
    let failures = Locked<[Int: E]>([:])
    pool.run((count + chunk - 1) / chunk) { index in
      let offset = index * chunk
      var span = unsafe MutableRawSpan(
        _unsafeStart: memory.start + offset, byteCount: min(chunk, count - offset))
      do throws(E) { try body(index, &span) } catch { failures.withLock { $0[index] = error } }
    }
    if let first = failures.withLock({ $0.min { $0.key < $1.key } }) {
      throw first.value
    }
    unsafe start = memory.start
    self.count = count
    owner = unsafe memory
  }

  /// A copy of the bytes.
  public convenience init(_ bytes: [UInt8]) {
    self.init(count: bytes.count) { output in
      unsafe output.withUnsafeMutableBytes { unsafe $0.copyBytes(from: bytes) }
    }
  }

  /// The elements one after the other, in the byte order of this machine, which is little-endian
  /// wherever Swift runs.
  public convenience init<Element: BitwiseCopyable>(littleEndian elements: [Element]) {
    self.init(count: elements.count * MemoryLayout<Element>.stride) { output in
      unsafe output.withUnsafeMutableBytes { output in
        unsafe elements.withUnsafeBytes { unsafe output.copyMemory(from: $0) }
      }
    }
  }

  /// A part of a mapped file, in place.
  ///
  /// - Precondition: the range lies in the file.
  public init(_ file: MappedFile, _ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= file.count, "\(range) of \(file.count) bytes")
    unsafe start =
      file.bytes.withUnsafeBytes {
        unsafe UnsafeMutableRawPointer(
          mutating: $0.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!)
      } + range.lowerBound
    count = range.count
    owner = file
  }

  private init(_ parent: Buffer, _ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= parent.count,
      "\(range) of \(parent.count) bytes")
    unsafe start = parent.start + range.lowerBound
    count = range.count
    owner = parent
  }

  /// A part of these bytes, without a copy.
  public func slice(_ range: Range<Int>) -> Buffer { Buffer(self, range) }

  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let buffer = unsafe UnsafeRawBufferPointer(start: start, count: count)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: buffer), borrowing: self)
    }
  }

  /// The bytes as elements of a fixed-width type, in place.
  ///
  /// - Precondition: `isAligned(to: Element.self)`, and `count` is a multiple of its size.
  @_lifetime(borrow self)
  public func span<Element: BitwiseCopyable>(of _: Element.Type) -> Span<Element> {
    precondition(isAligned(to: Element.self), "elements do not start where their type needs it")
    precondition(
      count % MemoryLayout<Element>.stride == 0,
      "\(count) bytes are no whole number of \(Element.self)")
    let buffer = unsafe UnsafeRawBufferPointer(start: start, count: count)
    return unsafe _overrideLifetime(Span(_unsafeBytes: buffer), borrowing: self)
  }

  /// Whether the bytes begin at an address that the type allows; files do not always care.
  public func isAligned<Element>(to _: Element.Type) -> Bool {
    unsafe Int(bitPattern: start) % MemoryLayout<Element>.alignment == 0
  }
}

/// Memory of one's own, aligned to 64 bytes, its content not settled yet.
@unsafe private final class Memory: Sendable {
  nonisolated(unsafe) let start: UnsafeMutableRawPointer

  init(count: Int) {
    unsafe start = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
  }

  deinit { unsafe start.deallocate() }
}
