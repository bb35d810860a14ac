import Bytes
import SystemPackage

/// An error of which the library knew the place in a file, or the part of a model, but not the
/// file.
struct Located: Failure {
  struct Code: RawRepresentable {
    var rawValue: String
  }

  let path: String
  let error: any Failure

  var code: Code { Code(rawValue: error.code.rawValue) }
  var subject: Subject? { .file(FilePath(argument: path)) }
  var place: Int? { error.place }
  var reason: String { error.reason }
  var description: String { "\(path): \(error)" }
}

/// Puts a path before errors that name no file.
func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as any Failure {
    if case .file = error.subject { throw error }
    throw Located(path: path, error: error)
  }
}
