internal import Bytes
package import SystemPackage

/// What a file of weights is, told by its bytes and never by its name.
package enum Container {
  case safetensors
  /// A zip archive of PyTorch or TorchScript, or the stream before it.
  case pyTorch
  /// JSON text, which may be an index of shards.
  case json

  /// - Throws: `unsupported` for files of another kind, saying what they are and what to do.
  init(of file: MappedFile) throws(CheckpointError) {
    let bytes = file.bytes
    if Self.isSafetensors(bytes) {
      self = .safetensors
    } else if bytes.starts(with: ZipArchive.magic) || LegacyStream.isLegacy(bytes) {
      self = .pyTorch
    } else if Self.isJSON(bytes) {
      self = .json
    } else if let foreign = ForeignFile(of: bytes) {
      throw .refused(file.path, FormatError(.unsupported, foreign.sentence))
    } else {
      // Its reader says best what is wrong with it.
      self = .safetensors
    }
  }

  /// Eight bytes of length, and an object.
  private static func isSafetensors(_ bytes: RawSpan) -> Bool {
    bytes.byteCount > 8 && bytes[8] == UInt8(ascii: "{") && bytes[7] == 0
  }

  private static func isJSON(_ bytes: RawSpan) -> Bool {
    for index in 0..<min(bytes.byteCount, 64) {
      switch bytes[index] {
      case 0x20, 0x09, 0x0a, 0x0d: continue
      case UInt8(ascii: "{"): return !bytes.extracting(0..<min(bytes.byteCount, 8)).contains(0)
      default: return false
      }
    }
    return false
  }

  /// Opens a file of weights, whatever its name.
  package static func open(_ path: FilePath) throws(CheckpointError) -> any TensorFile {
    let file = try MappedFile.opening(path)
    switch try Container(of: file) {
    case .safetensors: return try Safetensors(file)
    case .pyTorch: return try PyTorchFile(file)
    case .json:
      throw .refused(
        path, FormatError(.unsupported, "is JSON text, a file of weights is required"))
    }
  }
}

extension RawSpan {
  func starts(with prefix: [UInt8]) -> Bool {
    byteCount >= prefix.count && extracting(0..<prefix.count).elementsEqual(prefix)
  }

  func contains(_ byte: UInt8) -> Bool {
    unsafe withUnsafeBytes { unsafe $0.contains(byte) }
  }
}
