public import Kernels
public import Tensors

/// How the bytes of one block lie in a file.
///
/// Specification: `Formats/clippack.md`, "Blocks".
public enum BlockEncoding: UInt8, Sendable {
  /// As they are.
  case raw = 0
  /// One zstd frame (RFC 8878).
  case zstd = 1
  /// One zstd frame that holds the block's byte planes.
  case planes = 2
  /// Codes by rANS with a static table.
  case rans = 3
  /// Codes whose columns are paths through the trellis, by rANS with two static tables.
  case trellis = 4
  /// Codes in the order in which products take them, `CodePanels`.
  case panels = 5
}

extension ElementType {
  /// The planes that elements of this type are taken apart into, where that helps.
  public var planes: PlaneLayout? {
    switch self {
    case .float16: PlaneLayout(width: 2, rotates: false)
    case .bfloat16: PlaneLayout(width: 2, rotates: true)
    case .float32: PlaneLayout(width: 4, rotates: true)
    default: nil
    }
  }
}
