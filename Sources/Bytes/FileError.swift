public import SystemPackage

/// A file that could not be read or written.
public struct FileError: Error, Sendable, CustomStringConvertible {
  public var verb: String
  public var path: FilePath
  public var reason: String

  public init(_ verb: String, _ path: FilePath, _ reason: String) {
    self.verb = verb
    self.path = path
    self.reason = reason
  }

  public init(_ verb: String, _ path: FilePath, _ error: any Error) {
    self.init(verb, path, "\(error as? Errno ?? .ioError)")
  }

  /// For example: `cannot open 'weights.safetensors': No such file or directory`.
  public var description: String { "cannot \(verb) '\(path)': \(reason)" }
}
