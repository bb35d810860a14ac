public import Bytes
public import SystemPackage

/// Why a checkpoint could not be opened.
public enum CheckpointError: Failure {
  /// A file that is not there, or that the system does not give.
  case unreadable(FileError)
  /// A file that was read and is not what it should be.
  case refused(FilePath, FormatError)

  /// The code of the error within.
  public struct Code: RawRepresentable, Sendable {
    public var rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
  }

  public var code: Code {
    switch self {
    case .unreadable(let error): Code(rawValue: error.code.rawValue)
    case .refused(_, let error): Code(rawValue: error.code.rawValue)
    }
  }
  public var subject: Subject? {
    switch self {
    case .unreadable(let error): error.subject
    case .refused(let path, _): .file(path)
    }
  }
  public var place: Int? {
    if case .refused(_, let error) = self { error.place } else { nil }
  }
  public var reason: String {
    switch self {
    case .unreadable(let error): error.reason
    case .refused(_, let error): error.reason
    }
  }

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
