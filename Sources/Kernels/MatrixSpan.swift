internal import CKernels

/// A borrowed matrix of weights, `[rows, columns]`, row-major, in one of the types that weights are
/// stored in. It may begin at any address.
public struct MatrixSpan: ~Escapable {
  public let rows: Int
  public let columns: Int
  let elements: RawSpan
  let type: ElementType
  let steps: Span<Float>

  enum ElementType {
    case float32, float16, bfloat16, codes

    /// In bytes.
    var size: Int {
      switch self {
      case .float32: 4
      case .float16, .bfloat16: 2
      case .codes: 1
      }
    }
  }

  /// Native little-endian float32.
  @_lifetime(copy elements)
  public init(float32 elements: RawSpan, rows: Int, columns: Int) {
    self.init(.float32, 4, elements, Span(), rows, columns)
  }

  /// IEEE binary16.
  @_lifetime(copy elements)
  public init(float16 elements: RawSpan, rows: Int, columns: Int) {
    self.init(.float16, 2, elements, Span(), rows, columns)
  }

  @_lifetime(copy elements)
  public init(bfloat16 elements: RawSpan, rows: Int, columns: Int) {
    self.init(.bfloat16, 2, elements, Span(), rows, columns)
  }

  /// Signed 8-bit codes: element `[r, i]` is `codes[r, i] · steps[r]`.
  @_lifetime(copy codes, copy steps)
  public init(codes: RawSpan, steps: Span<Float>, rows: Int, columns: Int) {
    precondition(steps.count == rows, "\(steps.count) steps for \(rows) rows")
    self.init(.codes, 1, codes, steps, rows, columns)
  }

  @_lifetime(copy elements, copy steps)
  private init(
    _ type: ElementType, _ size: Int, _ elements: RawSpan, _ steps: Span<Float>, _ rows: Int,
    _ columns: Int
  ) {
    precondition(
      rows >= 0 && columns >= 0 && elements.byteCount == rows * columns * size,
      "\(elements.byteCount) bytes for \(rows)×\(columns) elements of \(size)")
    self.rows = rows
    self.columns = columns
    self.elements = elements
    self.type = type
    self.steps = steps
  }

  /// Writes one row as floats to `output[start..<start + columns]`.
  ///
  /// Exact, but for codes: there each product is rounded once.
  ///
  /// - Precondition: `row` is one of the matrix's, and `output` has such a part.
  public func copyRow(
    _ row: Int, into output: inout MutableSpan<Float>, at start: Int = 0,
    using isa: InstructionSet = .widest
  ) {
    precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
    precondition(
      start >= 0 && start <= output.count - columns,
      "\(columns) columns at \(start) of \(output.count) floats")
    unsafe elements.withUnsafeBytes { elements in
      unsafe steps.withUnsafeBufferPointer { steps in
        unsafe output.withUnsafeMutableBufferPointer { output in
          guard let to = output.baseAddress, let from = elements.baseAddress else { return }
          let pointer = unsafe MatrixPointer(self, from, steps.baseAddress)
          unsafe pointer.copy(row..<row + 1, into: to + start, isa)
        }
      }
    }
  }
}

/// A `MatrixSpan` in the hands of a kernel, which several threads read.
@safe struct MatrixPointer: @unchecked Sendable {
  let columns: Int
  let type: MatrixSpan.ElementType
  let elements: UnsafeRawPointer
  let steps: UnsafePointer<Float>?

  init(_ matrix: borrowing MatrixSpan, _ elements: UnsafeRawPointer, _ steps: UnsafePointer<Float>?)
  {
    columns = matrix.columns
    type = matrix.type
    unsafe self.elements = unsafe elements
    unsafe self.steps = unsafe steps
  }

  /// The rows from `row` on, where they can be used in place.
  func inPlace(from row: Int) -> UnsafePointer<Float>? {
    let start = unsafe elements + 4 * row * columns
    guard type == .float32, Int(bitPattern: start) % 4 == 0 else { return nil }
    return unsafe start.assumingMemoryBound(to: Float.self)
  }

  /// As many rows as these, behind them; beyond the last row it is memory that nobody may read.
  func next(after rows: Range<Int>) -> UnsafeRawBufferPointer {
    let stride = columns * type.size
    return unsafe UnsafeRawBufferPointer(
      start: elements + rows.upperBound * stride, count: rows.count * stride)
  }

  /// Rows of codes as floats without their steps.
  func copyCodes(
    _ rows: Range<Int>, into output: UnsafeMutablePointer<Float>, _ isa: InstructionSet
  ) {
    let codes = unsafe (elements + rows.lowerBound * columns).assumingMemoryBound(to: Int8.self)
    unsafe ck_i8_to_f32(output, codes, 1, rows.count * columns, isa.c)
  }

  /// Rows as floats, one after the other.
  func copy(_ rows: Range<Int>, into output: UnsafeMutablePointer<Float>, _ isa: InstructionSet) {
    let (start, count) = (rows.lowerBound * columns, rows.count * columns)
    switch type {
    case .float32:
      unsafe UnsafeMutableRawPointer(output).copyMemory(
        from: elements + 4 * start, byteCount: 4 * count)
    case .float16: unsafe ck_f16_to_f32(output, elements + 2 * start, count, isa.c)
    case .bfloat16: unsafe ck_bf16_to_f32(output, elements + 2 * start, count, isa.c)
    case .codes:
      for row in rows {
        unsafe ck_i8_to_f32(
          output + (row - rows.lowerBound) * columns,
          (elements + row * columns).assumingMemoryBound(to: Int8.self), steps![row], columns,
          isa.c)
      }
    }
  }
}
