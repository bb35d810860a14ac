public import Architecture
public import Tensors

/// A tensor and what it is coded as, in parts of one kind.
public struct CodedTensor<Part> {
  public var name: String
  /// `nil` for what belongs to both towers or to none.
  public var tower: Tower?
  /// Whether the tensor is part of the model; one that is not came along from the source.
  public var isModel: Bool
  /// What the elements are once they are decoded.
  public var elementType: ElementType
  public var shape: Shape
  public var content: TensorContent<Part>

  public init(
    name: String, tower: Tower?, isModel: Bool, elementType: ElementType, shape: Shape,
    content: TensorContent<Part>
  ) {
    self.name = name
    self.tower = tower
    self.isModel = isModel
    self.elementType = elementType
    self.shape = shape
    self.content = content
  }

  public var rows: Int { shape.extents.first ?? 1 }
  public var columns: Int { shape.count == 0 ? 0 : shape.count / rows }

  /// The same tensor, of which the parts are something else.
  public func mapParts<Other, Failure: Error>(
    _ transform: (Part) throws(Failure) -> Other
  ) throws(Failure) -> CodedTensor<Other> {
    CodedTensor<Other>(
      name: name, tower: tower, isModel: isModel, elementType: elementType, shape: shape,
      content: try content.map(transform))
  }
}

extension CodedTensor: Equatable where Part: Equatable {}
extension CodedTensor: Sendable where Part: Sendable {}

/// A tensor as a pack describes it.
public typealias PackedTensor = CodedTensor<Stream>

/// A tensor on its way into a pack.
public typealias EncodedTensor = CodedTensor<StreamContent>

/// What a tensor is coded as.
///
/// Specification: `Formats/clippack.md`, section 6.
public enum TensorContent<Part> {
  /// Values, of the tensor's element type or of a narrower float type that widens to it.
  case plain(Part)
  /// int8 or int16 codes, and one float32 step a row: value = code · step.
  case grid(codes: Part, steps: Part)
  /// By a codec that this program does not know.
  case unknown(codec: UInt8, [Part])

  /// The numbers of the codecs that are known.
  enum Codec: UInt8 { case plain, grid }

  /// The number of the codec.
  public var codec: UInt8 {
    switch self {
    case .plain: Codec.plain.rawValue
    case .grid: Codec.grid.rawValue
    case .unknown(let codec, _): codec
    }
  }

  /// All of them, in the order of the file.
  public var parts: [Part] {
    switch self {
    case .plain(let values): [values]
    case .grid(let codes, let steps): [codes, steps]
    case .unknown(_, let parts): parts
    }
  }

  public var isGrid: Bool { if case .grid = self { true } else { false } }

  public func map<Other, Failure: Error>(
    _ transform: (Part) throws(Failure) -> Other
  ) throws(Failure) -> TensorContent<Other> {
    switch self {
    case .plain(let values): return .plain(try transform(values))
    case .grid(let codes, let steps):
      return .grid(codes: try transform(codes), steps: try transform(steps))
    case .unknown(let codec, let parts):
      var others: [Other] = []
      for part in parts { others.append(try transform(part)) }
      return .unknown(codec: codec, others)
    }
  }
}

extension TensorContent: Equatable where Part: Equatable {}
extension TensorContent: Sendable where Part: Sendable {}

extension PackedTensor {
  /// All streams, in the order of the file.
  public var streams: [Stream] { content.parts }
}
