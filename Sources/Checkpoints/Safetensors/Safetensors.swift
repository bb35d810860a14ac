public import Bytes
public import SystemPackage
public import Tensors

/// A safetensors file, mapped. Tensors are used in place.
public struct Safetensors: Sendable {
  public typealias Entry = SafetensorsHeader.Entry

  public let file: MappedFile
  /// The strings under `__metadata__`.
  public let metadata: [String: String]
  /// In the order of their bytes in the file; they cover all of it behind the header.
  public let tensors: [Entry]
  /// The absolute offset of the first byte of tensor data.
  public let dataOffset: Int
  private let indices: [String: Int]

  /// Maps the file and checks its header; of the data no byte is read.
  public init(_ path: FilePath) throws(CheckpointError) {
    do throws(FileError) { file = try MappedFile(path) } catch { throw .unreadable(error) }
    let header = try Self.header(of: file)
    metadata = header.metadata
    tensors = header.tensors
    dataOffset = header.dataOffset
    indices = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  private static func header(of file: MappedFile) throws(CheckpointError) -> SafetensorsHeader {
    do throws(FormatError) {
      var reader = ByteReader(file.bytes)
      return try SafetensorsHeader(parsing: &reader)
    } catch { throw .refused(file.path, error) }
  }

  /// The JSON text as it stands in the file, with its padding. Together with the tensors' bytes
  /// in order it restores the file: 8 bytes of length, this, the tensors.
  public var header: Buffer { Buffer(file, 8..<dataOffset) }

  /// `nil` where the file has no such tensor.
  public func entry(named name: String) -> Entry? { indices[name].map { tensors[$0] } }

  /// A tensor in place, at whatever alignment the file gives it; `nil` where there is none.
  public func tensor(named name: String) -> Tensor? { entry(named: name).map(tensor) }

  /// - Precondition: the entry is one of this file's.
  public func tensor(_ entry: Entry) -> Tensor {
    Tensor(entry.elementType, entry.shape, Buffer(file, entry.range))
  }
}
