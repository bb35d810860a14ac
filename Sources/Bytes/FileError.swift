public import SystemPackage

/// A file that could not be read or written.
public struct FileError: Failure {
  /// What was wrong, in one word that never changes between releases.
  public enum Code: String, Sendable, CaseIterable {
    /// The system refused: no such file, no permission, no space.
    case system
    /// A folder, a pipe or a device lies where a regular file is needed.
    case kind
    /// The path is no name of a file.
    case name
    /// An output would replace a file that is read.
    case isInput
    /// The file was read and is too large or ends too early.
    case content
  }

  public var code: Code
  public var verb: String
  public var path: FilePath
  public var reason: String
  /// What the system said, where it was the system.
  public var errno: Errno?

  public init(_ verb: String, _ path: FilePath, _ reason: String, code: Code = .content) {
    self.code = code
    self.verb = verb
    self.path = path
    self.reason = reason
  }

  public init(_ verb: String, _ path: FilePath, _ error: any Error) {
    let errno = error as? Errno ?? .ioError
    let isFolder = errno == .isDirectory
    self.init(
      verb, path, isFolder ? "it is a folder; name a file in it" : "\(errno)",
      code: isFolder ? .kind : .system)
    self.errno = errno
  }

  public var subject: Subject? { .file(path) }

  /// For example: `cannot open 'weights.safetensors': No such file or directory`.
  public var description: String { "cannot \(verb) '\(path)': \(reason)" }
}
