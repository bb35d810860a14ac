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
      case .tensor(let tensor): tensor.content.parts
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
