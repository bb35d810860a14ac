public import Bytes
public import SystemPackage

/// A safetensors file, mapped. Tensors are used in place.
public struct Safetensors: TensorFile {
  public let file: MappedFile
  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  /// In the order of their bytes in the file; they cover all of it behind the header.
  public let tensors: [TensorEntry]
  /// The absolute offset of the first byte of tensor data.
  public let dataOffset: Int
  /// Absolute offsets, in the order of `tensors`.
  private let ranges: [Range<Int>]
  private let indices: [String: Int]

  /// Maps the file and checks its header; of the data no byte is read.
  public init(_ path: FilePath) throws(CheckpointError) {
    try self.init(MappedFile.opening(path))
  }

  init(_ file: MappedFile) throws(CheckpointError) {
    self.file = file
    let header = try Self.header(of: file)
    metadata = header.metadata
    tensors = header.tensors.map { TensorEntry($0.name, $0.elementType, $0.shape) }
    ranges = header.tensors.map(\.range)
    dataOffset = header.dataOffset
    indices = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  private static func header(of file: MappedFile) throws(CheckpointError) -> SafetensorsHeader {
    do throws(FormatError) {
      var reader = ByteReader(file.bytes)
      return try SafetensorsHeader(parsing: &reader)
    } catch { throw .refused(file.path, error) }
  }

  public var format: String { "safetensors" }

  /// The JSON text as it stands in the file, with its padding.
  public var verbatimHeader: Buffer? { Buffer(file, 8..<dataOffset) }

  public func entry(named name: String) -> TensorEntry? { indices[name].map { tensors[$0] } }

  public func location(of entry: TensorEntry) -> Range<Int>? { range(of: entry) }

  public func bytes(of entry: TensorEntry, _ part: Range<Int>) -> Buffer {
    let range = range(of: entry)
    precondition(part.upperBound <= range.count, "\(part) of \(range.count) bytes")
    return Buffer(
      file, range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
  }

  private func range(of entry: TensorEntry) -> Range<Int> {
    guard let index = indices[entry.name] else {
      preconditionFailure("the file has no tensor \"\(entry.name)\"")
    }
    return ranges[index]
  }
}
