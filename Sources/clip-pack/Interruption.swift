import Bytes
import Dispatch
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What happens when the user stops the program: unfinished files go, then the program ends as the
/// signal would have ended it.
enum Interruption {
  private nonisolated(unsafe) static var sources: [any DispatchSourceSignal] = []

  static func cleanUp() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler(handler: DispatchWorkItem { end(by: number) })
      source.resume()
      unsafe sources.append(source)
    }
  }

  private static let isEnding = Atomic(false)

  /// Keeps a thread whose work failed because of the interruption from reporting that.
  static func waitIfEnding() {
    while isEnding.load(ordering: .acquiring) { pause() }
  }

  private static func end(by number: Int32) {
    isEnding.store(true, ordering: .releasing)
    Unfinished.removeAll()
    signal(number, SIG_DFL)
    raise(number)
  }
}
