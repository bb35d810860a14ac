/// What every error of this package tells: in one word for programs, in one clause for people.
///
/// A layer adds only what it knows: the reader of a format the place, the loader the tensor, the
/// one who opened a file its path. No message names an option of a command: what can be done with
/// a command hangs on the code, and is the command's to say.
public protocol Failure: Error, CustomStringConvertible, Sendable {
  associatedtype Code: RawRepresentable<String> & Sendable
  /// What was wrong, in one word that never changes between releases.
  var code: Code { get }
  /// What the error is about; `nil` where that is not known here.
  var subject: Subject? { get }
  /// The absolute offset in a file of the first byte at fault.
  var place: Int? { get }
  /// What was found and what is allowed, as one clause: no capital, no full stop.
  var reason: String { get }
}

extension Failure {
  public var place: Int? { nil }
}
