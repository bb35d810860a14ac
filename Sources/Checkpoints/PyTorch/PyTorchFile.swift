public import Bytes
internal import Kernels
public import SystemPackage

/// A file of `torch.save` or `torch.jit.save`, mapped. Tensors that lie in it in row-major order
/// are used in place.
public struct PyTorchFile: TensorFile {
  public let file: MappedFile
  private let contents: PyTorchContents
  private let indices: [String: Int]

  /// Maps the file and checks all but the tensors' elements.
  public init(_ path: FilePath) throws(CheckpointError) {
    try self.init(MappedFile.opening(path))
  }

  init(_ file: MappedFile) throws(CheckpointError) {
    self.file = file
    do throws(FormatError) {
      contents = try PyTorchContents(parsing: Buffer(file, 0..<file.count))
    } catch { throw .refused(file.path, error) }
    indices = Dictionary(uniqueKeysWithValues: contents.tensors.enumerated().map { ($1.name, $0) })
  }

  public var format: String { "PyTorch" }
  public var tensors: [TensorEntry] { contents.tensors }
  public var notes: [String] { contents.notes }
  /// Its tensors come back as safetensors.
  public var verbatimHeader: Buffer? { nil }

  public func entry(named name: String) -> TensorEntry? {
    indices[name].map { contents.tensors[$0] }
  }

  public func location(of entry: TensorEntry) -> Range<Int>? {
    let place = place(of: entry)
    return place.isContiguous ? place.start..<place.start + entry.byteCount : nil
  }

  public func bytes(of entry: TensorEntry, _ part: Range<Int>) -> Buffer {
    precondition(part.upperBound <= entry.byteCount, "\(part) of \(entry.byteCount) bytes")
    let place = place(of: entry)
    guard !place.isContiguous else {
      return Buffer(file, place.start + part.lowerBound..<place.start + part.upperBound)
    }
    defer { file.release(place.storage) }
    return place.gather(part, from: file.bytes)
  }

  private func place(of entry: TensorEntry) -> StridedPlace {
    guard let index = indices[entry.name] else {
      preconditionFailure("the file has no tensor \"\(entry.name)\"")
    }
    return contents.places[index]
  }

  public func validate() throws(CheckpointError) {
    let chunk = 4 << 20
    for (range, checksum) in contents.storages {
      guard let checksum else { continue }
      var found: UInt32 = 0
      for start in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
        let part = start..<min(start + chunk, range.upperBound)
        found = crc32(file.bytes.extracting(part), seed: found)
        file.release(part)
      }
      guard found == checksum else {
        throw .refused(
          file.path,
          FormatError(
            .checksum,
            "the tensors here have the checksum \(found.hexadecimal), \(checksum.hexadecimal) is "
              + "stored: the file was damaged", at: range.lowerBound))
      }
    }
  }
}
