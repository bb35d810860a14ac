import Bytes
import Dispatch
import Platform
import Synchronization

/// What happens when the user stops the program: unfinished files go, then the program ends as the
/// signal would have ended it.
enum Interruption {
  private nonisolated(unsafe) static var sources: [any DispatchSourceSignal] = []

  static func cleanUp() {
    // A mapped file that another program cuts short cannot be read any more; nothing can be saved
    // but the folder.
    Unfinished.prepare()
    signal(SIGBUS, sayCutShort)
    // A file that would grow too large is an error like a full disk, and so is a pipe that nobody
    // reads any more.
    signal(SIGXFSZ, SIG_IGN)
    unsafe endsWithPipe = !isIgnored(signal(SIGPIPE, SIG_IGN))
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // What was ignored from the start, as under nohup, stays so.
      guard !isIgnored(signal(number, SIG_IGN)) else { continue }
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler(handler: DispatchWorkItem { end(by: number) })
      source.resume()
      unsafe sources.append(source)
    }
  }

  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    // SIG_IGN is the number 1 in place of a function.
    unsafe unsafeBitCast(handler, to: Int.self) == 1
  }

  private nonisolated(unsafe) static var endsWithPipe = false

  /// Whoever read our output has stopped: ends the program as `SIGPIPE` would have, without a word,
  /// but with unfinished files gone. Returns where that signal was ignored from the start.
  static func endWithPipe() {
    if unsafe endsWithPipe { end(by: SIGPIPE) }
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
    // Threads of Dispatch block signals, and what they send themselves would wait for ever.
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
  }
}

/// Ends the program from inside a signal handler: with calls alone that POSIX allows there.
private func sayCutShort(_: Int32) {
  let message: StaticString =
    "clip-pack: a file that was being read has been cut short by another program; nothing was written\n"
  unsafe _ = write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
  Unfinished.removeAll()
  _exit(2)
}
