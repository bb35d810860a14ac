public import Bytes
public import Concurrency
public import Kernels
public import Tensors

/// A matrix of weights, `[rows, columns]`, as it is stored: floats or halves row-major, or codes in
/// panels and one step a row.
public struct Matrix: Sendable {
  public let rows: Int
  public let columns: Int
  private let elements: Buffer
  /// int8 for codes in panels.
  private let elementType: ElementType
  /// One for each row of codes; empty for floats.
  private let steps: [Float]
  /// Of each row of codes their sum; empty for floats.
  private let sums: [Int32]

  /// - Throws: `TowerError.elementType` for anything but float32, float16 and bfloat16.
  public init(_ tensor: Tensor) throws(TowerError) {
    guard tensor.elementType.isWeightType else {
      throw TowerError(
        .elementType,
        "weights are \(tensor.elementType.rawValue), F32, F16 and BF16 can be computed with")
    }
    rows = tensor.rows
    columns = tensor.columns
    elements = tensor.buffer
    elementType = tensor.elementType
    steps = []
    sums = []
  }

  /// Element `[r, i]` is `codes[r, i] · steps[r]`.
  ///
  /// - Parameter panels: the codes, as `CodePanels` orders them.
  /// - Precondition: there is one step for each row.
  public init(panels: Buffer, steps: [Float], columns: Int, pool: WorkerPool) {
    rows = steps.count
    self.columns = columns
    elements = panels
    elementType = .int8
    self.steps = steps
    sums = CodePanels.rowSums(panels.bytes, rows: rows, columns: columns, on: pool)
  }

  /// - Parameter codes: signed bytes, row-major.
  /// - Precondition: there is one step for each row, and the codes are so few as memory holds.
  public init(codes: Tensor, steps: [Float], pool: WorkerPool) {
    precondition(codes.elementType == .int8, "codes are \(codes.elementType.rawValue)")
    precondition(steps.count == codes.rows, "\(steps.count) steps for \(codes.rows) rows")
    let (rows, columns) = (codes.rows, codes.columns)
    let count = CodePanels.byteCount(rows: rows, columns: columns)!
    let panels = Buffer(count: count) { panels in
      CodePanels.pack(codes.buffer.bytes, rows: rows, columns: columns, into: &panels)
    }
    self.init(panels: panels, steps: steps, columns: columns, pool: pool)
  }

  /// What the kernels take.
  public var span: MatrixSpan {
    @_lifetime(borrow self)
    get {
      let bytes = elements.bytes
      return switch elementType {
      case .float32: MatrixSpan(float32: bytes, rows: rows, columns: columns)
      case .float16: MatrixSpan(float16: bytes, rows: rows, columns: columns)
      case .bfloat16: MatrixSpan(bfloat16: bytes, rows: rows, columns: columns)
      default:
        MatrixSpan(
          panels: bytes, steps: steps.span, sums: sums.span, rows: rows, columns: columns)
      }
    }
  }

  /// Writes one row as floats, without looking at any other, to `output[start..<start + columns]`.
  ///
  /// - Precondition: there is such a row, and `output` has such a part.
  public func row(_ index: Int, into output: inout MutableSpan<Float>, at start: Int = 0) {
    span.copyRow(index, into: &output, at: start)
  }
}
