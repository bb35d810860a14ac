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

  /// Removes temporary files from inside a signal handler: no lock, no allocation.
  ///
  /// - Precondition: `prepare` has been called.
  public static func removeAllInSignalHandler() {
    for index in 0..<slotCount {
      if let path = unsafe signalSlots[index] { unsafe _ = unlink(path) }
    }
  }

  /// Makes what the signal handler needs.
  public static func prepare() { unsafe signalSlots[0] = signalSlots[0] }

  private static let slotCount = 16

  /// C strings of the paths that `paths` holds, as many as fit: files are written one at a time.
  fileprivate nonisolated(unsafe) static let signalSlots = {
    let slots = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: slotCount)
    unsafe slots.initialize(repeating: nil, count: slotCount)
    return unsafe slots
  }()

  final class Paths: Sendable {
    private let strings = Mutex<Set<String>>([])

    var all: Set<String> { strings.withLock { $0 } }

    func add(_ path: FilePath) {
      strings.withLock { strings in
        strings.insert(path.string)
        for index in 0..<slotCount where unsafe signalSlots[index] == nil {
          unsafe signalSlots[index] = strdup(path.string)
          break
        }
      }
    }

    /// - Returns: whether the path was there.
    @discardableResult
    func remove(_ path: FilePath) -> Bool {
      strings.withLock { strings in
        for index in 0..<slotCount {
          guard let slot = unsafe signalSlots[index], unsafe String(cString: slot) == path.string
          else { continue }
          unsafe signalSlots[index] = nil
          unsafe free(slot)
        }
        return strings.remove(path.string) != nil
      }
    }
  }
}
