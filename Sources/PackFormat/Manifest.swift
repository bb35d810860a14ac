public import Architecture
public import Tensors

/// What a pack holds, without where: the part of its index that a digest stands for.
///
/// Specification: `Formats/clippack.md`, section 4; the names are the same.
public struct Manifest: Equatable, Sendable {
  public var items: [Item] = []

  public enum Item: Equatable, Sendable {
    case section(Section)
    case tensor(PackedTensor)

    public var name: String {
      switch self {
      case .section(let section): section.name
      case .tensor(let tensor): tensor.name
      }
    }

    public var streams: [Stream] {
      switch self {
      case .section(let section): [section.stream]
      case .tensor(let tensor): tensor.streams
      }
    }
  }

  /// Bytes under a name: a JSON document, mostly.
  public struct Section: Equatable, Sendable {
    public var name: String
    /// Whether a reader that does not know the name must refuse the pack.
    public var isRequired: Bool
    public var stream: Stream
  }
}

/// A tensor as a pack describes it.
public struct PackedTensor: Equatable, Sendable {
  public var name: String
  /// `nil` for what belongs to both towers or to none.
  public var tower: Tower?
  /// Whether the tensor is part of the model; one that is not came along from the source.
  public var isModel: Bool
  /// The number of the codec; see `Codec`.
  public var codec: UInt8
  /// What the elements are once they are decoded.
  public var elementType: ElementType
  public var shape: Shape
  public var streams: [Stream]

  public init(
    name: String, tower: Tower?, isModel: Bool, codec: Codec, elementType: ElementType,
    shape: Shape
  ) {
    self.name = name
    self.tower = tower
    self.isModel = isModel
    self.codec = codec.rawValue
    self.elementType = elementType
    self.shape = shape
    streams = []
  }

  public enum Codec: UInt8, CaseIterable, Sendable {
    /// One stream of values, of `elementType` or of a narrower float type that widens to it.
    case plain = 0
    /// int8 or int16 codes, and one float32 step a row: value = code · step.
    case grid = 1
  }

  public var rows: Int { shape.extents.first ?? 1 }
  public var columns: Int { shape.count == 0 ? 0 : shape.count / rows }

  /// The stream of that role.
  public func stream(_ role: Stream.Role) -> Stream? { streams.first { $0.role == role.rawValue } }
}
