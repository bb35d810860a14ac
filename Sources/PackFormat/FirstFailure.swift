internal import Bytes
internal import Concurrency

/// Of the errors that several threads meet, the one of the lowest index: the same at any thread
/// count.
final class FirstFailure: Sendable {
  private let first = Locked<(index: Int, error: FormatError)?>(nil)

  func record(_ error: FormatError, at index: Int) {
    first.withLock { first in
      if first.map({ index < $0.index }) ?? true { first = (index, error) }
    }
  }

  func rethrow() throws(FormatError) {
    if let error = first.withLock({ $0?.error }) { throw error }
  }
}
