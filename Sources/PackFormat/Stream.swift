internal import Kernels
public import Tensors

/// Elements of one type, cut into blocks.
///
/// Specification: `Formats/clippack.md`, section 4.1; the names are the same.
public struct Stream: Equatable, Sendable {
  /// The number of the role; see `Role`.
  public let role: UInt8
  public let elementType: ElementType
  /// Decoded, in bytes.
  public let size: Int
  /// Decoded, in bytes, of every block but the last.
  public let blockSize: Int
  /// Of codes whose blocks may lie as panels, how many columns their matrix has.
  let panelColumns: Int?
  /// SHA-256 of each block, decoded.
  public internal(set) var digests: [Digest] = []

  public enum Role: UInt8, Sendable {
    case values = 0
    case codes = 1
    case steps = 2
  }

  /// A stream that no digest has been found for yet.
  ///
  /// - Parameters:
  ///   - columns: of the tensor, `nil` for a section.
  ///   - largestBlock: `block_size` of the file. Blocks that may lie as panels are whole numbers of
  ///     panels, and so mostly a little smaller.
  init(role: UInt8, _ elementType: ElementType, size: Int, columns: Int?, largestBlock: Int) {
    self.role = role
    self.elementType = elementType
    self.size = size
    if role == Role.codes.rawValue, elementType == .int8, let columns,
      let panels = CodePanels.blockSize(columns: columns, atMost: largestBlock)
    {
      panelColumns = columns
      blockSize = panels
    } else {
      panelColumns = nil
      blockSize = largestBlock
    }
  }

  /// How many int8 codes of a matrix a block has that `PackWriter` writes.
  public static func blockSize(ofCodes columns: Int) -> Int {
    CodePanels.blockSize(columns: columns, atMost: PackWriter.defaultBlockSize)
      ?? PackWriter.defaultBlockSize
  }

  /// How many blocks the bytes are cut into.
  public var blockCount: Int { size / blockSize + (size % blockSize == 0 ? 0 : 1) }

  /// Which of the decoded bytes the block at an index holds.
  public func range(ofBlock index: Int) -> Range<Int> {
    index * blockSize..<min((index + 1) * blockSize, size)
  }

  /// What a block of `decodedSize` bytes takes as panels; `nil` where it cannot lie so.
  func panelsSize(of decodedSize: Int) -> Int? {
    guard let panelColumns, decodedSize % panelColumns == 0 else { return nil }
    return CodePanels.byteCount(rows: decodedSize / panelColumns, columns: panelColumns)
  }
}
