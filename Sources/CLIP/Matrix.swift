internal import Bytes
public import Kernels
public import Tensors

/// A matrix of weights, `[rows, columns]`, row-major, as it is stored: floats, halves, or codes and
/// one step a row.
public struct Matrix: Sendable {
  public let rows: Int
  public let columns: Int
  private let elements: Tensor
  /// One for each row of codes; empty for floats.
  private let steps: [Float]

  /// - Throws: `CLIPError.elementType` for anything but float32, float16 and bfloat16.
  public init(_ tensor: Tensor) throws(CLIPError) {
    guard tensor.elementType.isWeightType else {
      throw CLIPError(
        .elementType,
        "weights are \(tensor.elementType.rawValue), F32, F16 and BF16 can be computed with")
    }
    self.init(tensor, steps: [])
  }

  /// Element `[r, i]` is `codes[r, i] · steps[r]`.
  ///
  /// - Precondition: the codes are signed bytes, and there is one step for each row.
  public init(codes: Tensor, steps: [Float]) {
    precondition(codes.elementType == .int8, "codes are \(codes.elementType.rawValue)")
    precondition(steps.count == codes.rows, "\(steps.count) steps for \(codes.rows) rows")
    self.init(codes, steps: steps)
  }

  private init(_ elements: Tensor, steps: [Float]) {
    self.elements = elements
    self.steps = steps
    rows = elements.rows
    columns = elements.columns
  }

  /// What the kernels take.
  public var span: MatrixSpan {
    @_lifetime(borrow self)
    get {
      let bytes = elements.buffer.bytes
      return switch elements.elementType {
      case .float32: MatrixSpan(float32: bytes, rows: rows, columns: columns)
      case .float16: MatrixSpan(float16: bytes, rows: rows, columns: columns)
      case .bfloat16: MatrixSpan(bfloat16: bytes, rows: rows, columns: columns)
      default: MatrixSpan(codes: bytes, steps: steps.span, rows: rows, columns: columns)
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
