internal import Bytes
internal import CClipPack
internal import Checkpoints

/// What a C function returns.
enum Status {
  static let ok = Int32(CLIPPACK_OK)
  static let refused = Int32(CLIPPACK_REFUSED)
  static let unreadable = Int32(CLIPPACK_UNREADABLE)
  static let argument = Int32(CLIPPACK_ARGUMENT)

  static func of(_ error: any Error) -> Int32 {
    switch error {
    case let error as FileError: error.code == .isInput ? refused : unreadable
    case CheckpointError.unreadable: unreadable
    case is ArgumentError: argument
    case let error as ItemError: of(error.error)
    default: refused
    }
  }
}

/// What a caller gave that no caller may.
struct ArgumentError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Runs what a C function does; its errors become a status and a message.
func call(_ body: () throws -> Void) -> Int32 {
  Messages.ofThread.clear()
  do {
    try body()
    return Status.ok
  } catch {
    Messages.ofThread.last = CString("\(error)")
    return Status.of(error)
  }
}

/// Puts the path of a pack before errors that name no file.
func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let error as any Failure {
    if case .file = error.subject { throw error }
    throw NamedError(description: "\(path): \(error)")
  }
}

/// An error with the path that its thrower did not know.
private struct NamedError: Error, CustomStringConvertible {
  let description: String
}
