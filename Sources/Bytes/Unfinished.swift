internal import Synchronization
internal import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The temporary files that this process has open, to be removed when it is interrupted.
public enum Unfinished {
  static let paths = Paths()

  /// Removes every temporary file. For a program about to end; not safe inside a signal handler.
  public static func removeAll() {
    for path in paths.all { unsafe _ = unlink(path) }
  }

  final class Paths: Sendable {
    private let strings = Mutex<Set<String>>([])

    var all: Set<String> { strings.withLock { $0 } }

    func add(_ path: FilePath) { strings.withLock { _ = $0.insert(path.string) } }

    /// - Returns: whether the path was there.
    @discardableResult
    func remove(_ path: FilePath) -> Bool { strings.withLock { $0.remove(path.string) != nil } }
  }
}
