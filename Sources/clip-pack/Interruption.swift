import Bytes
import Platform
import Synchronization

/// What happens when the user stops the program: unfinished files go, then the program ends as the
/// signal would have ended it.
enum Interruption {
  static func cleanUp() {
    // What handlers touch exists before the first signal comes.
    PendingFile.prepare()
    isEnding.store(false, ordering: .releasing)
    // A mapped file that another program cuts short cannot be read any more; nothing can be saved
    // but the folder.
    signal(SIGBUS, sayCutShort)
    // A file that would grow too large is an error like a full disk, and so is a pipe that nobody
    // reads any more.
    signal(SIGXFSZ, SIG_IGN)
    unsafe endsWithPipe = !isIgnored(signal(SIGPIPE, SIG_IGN))
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // What was ignored from the start, as under nohup, stays so.
      if !isIgnored(signal(number, SIG_IGN)) { signal(number, end) }
    }
    // Whoever started this program from a thread that blocks signals has not meant it so.
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&set, number) }
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    // SIG_IGN is the number 1 in place of a function.
    unsafe unsafeBitCast(handler, to: Int.self) == 1
  }

  private nonisolated(unsafe) static var endsWithPipe = false

  /// Whoever read our output has stopped: ends the program as `SIGPIPE` would have, without a word,
  /// but with unfinished files gone. Returns where that signal was ignored from the start.
  static func endWithPipe() {
    guard unsafe endsWithPipe else { return }
    end(by: SIGPIPE)
    while true { pause() }
  }

  fileprivate static let isEnding = Atomic(false)

  /// Keeps a thread whose work failed because of the interruption from reporting that.
  static func waitIfEnding() {
    while isEnding.load(ordering: .acquiring) { pause() }
  }
}

/// Removes unfinished files and ends the program by a signal. Also inside the signal's handler, at
/// whose end the signal comes again: with calls alone that POSIX allows there.
private func end(by number: Int32) {
  Interruption.isEnding.store(true, ordering: .releasing)
  PendingFile.removeAll()
  signal(number, SIG_DFL)
  kill(getpid(), number)
}

/// Ends the program from inside a signal handler: with calls alone that POSIX allows there.
private func sayCutShort(_: Int32) {
  let message: StaticString =
    """
    clip-pack: a file that was being read has been cut short by another program; nothing was \
    written

    """
  unsafe _ = write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
  PendingFile.removeAll()
  _exit(2)
}
