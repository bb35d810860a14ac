public import Bytes
public import SystemPackage

/// Why a checkpoint could not be had.
public enum CheckpointError: Error, Sendable, CustomStringConvertible {
  /// A file that is not there, or that the system does not give.
  case unreadable(FileError)
  /// A file that was read and is not what it should be.
  case refused(FilePath, FormatError)

  /// For example: `model.safetensors: tensor "logit_scale": dtype is "F33", …`.
  public var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .refused(let path, let error): "\(path): \(error)"
    }
  }
}

extension MappedFile {
  static func opening(_ path: FilePath) throws(CheckpointError) -> MappedFile {
    do throws(FileError) { return try MappedFile(path) } catch { throw .unreadable(error) }
  }
}
