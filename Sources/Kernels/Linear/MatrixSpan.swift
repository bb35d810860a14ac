internal import CKernels

/// A borrowed matrix of weights, `[rows, columns]`, in one of the types that weights are stored in:
/// floats and halves row-major, codes in panels. It may begin at any address.
public struct MatrixSpan: ~Escapable {
  public let rows: Int
  public let columns: Int
  let elements: RawSpan
  let type: ElementType
  let steps: Span<Float>
  /// Of each row of codes their sum.
  let sums: Span<Int32>

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
    self.init(.float32, 4, elements, rows, columns)
  }

  /// IEEE binary16.
  @_lifetime(copy elements)
  public init(float16 elements: RawSpan, rows: Int, columns: Int) {
    self.init(.float16, 2, elements, rows, columns)
  }

  @_lifetime(copy elements)
  public init(bfloat16 elements: RawSpan, rows: Int, columns: Int) {
    self.init(.bfloat16, 2, elements, rows, columns)
  }

  /// Signed 8-bit codes in panels (`CodePanels`): element `[r, i]` is `codes[r, i] · steps[r]`.
  ///
  /// - Parameter sums: of each row its codes' sum.
  @_lifetime(copy panels, copy steps, copy sums)
  public init(
    panels: RawSpan, steps: Span<Float>, sums: Span<Int32>, rows: Int, columns: Int
  ) {
    precondition(
      steps.count == rows && sums.count == rows,
      "\(steps.count) steps and \(sums.count) sums for \(rows) rows")
    precondition(
      panels.byteCount == CodePanels.byteCount(rows: rows, columns: columns),
      "\(panels.byteCount) bytes for panels of \(rows)×\(columns)")
    self.init(.codes, panels, steps, sums, rows, columns)
  }

  @_lifetime(copy elements)
  private init(
    _ type: ElementType, _ size: Int, _ elements: RawSpan, _ rows: Int, _ columns: Int
  ) {
    precondition(
      rows >= 0 && columns >= 0 && elements.byteCount == rows * columns * size,
      "\(elements.byteCount) bytes for \(rows)×\(columns) elements of \(size)")
    self.init(type, elements, Span(), Span(), rows, columns)
  }

  @_lifetime(copy elements, copy steps, copy sums)
  private init(
    _ type: ElementType, _ elements: RawSpan, _ steps: Span<Float>, _ sums: Span<Int32>,
    _ rows: Int, _ columns: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.elements = elements
    self.type = type
    self.steps = steps
    self.sums = sums
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
    let stride =
      type == .codes ? ck_panel_bytes(columns) / CodePanels.height : columns * type.size
    return unsafe UnsafeRawBufferPointer(
      start: elements + rows.upperBound * stride, count: rows.count * stride)
  }

  /// The panel of codes that begins with a row, a multiple of its height.
  func panel(from row: Int) -> UnsafePointer<Int8> {
    unsafe (elements + row / CodePanels.height * ck_panel_bytes(columns))
      .assumingMemoryBound(to: Int8.self)
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
      unsafe Scratch.withFloats((columns + 3) / 4) { scratch in
        let codes = unsafe UnsafeMutableRawPointer(scratch).bindMemory(
          to: Int8.self, capacity: columns)
        for row in rows {
          unsafe ck_unpack_codes(codes, panel(from: 0), row, 1, columns)
          unsafe ck_i8_to_f32(
            output + (row - rows.lowerBound) * columns, codes, steps![row], columns, isa.c)
        }
      }
    }
  }
}
