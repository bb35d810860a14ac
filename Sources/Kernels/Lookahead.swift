internal import Bytes
internal import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Makes an output of each input on threads of its own, ahead of who takes them, in the order of the
/// inputs.
///
/// Never more than `window` outputs wait or are being made, however many inputs there are. The
/// threads end when all is made, or soon after this object has gone.
public final class Lookahead<Input: Sendable, Output: Sendable>: Sendable {
  private let line: Line<Input, Output>
  private let hasThreads: Bool

  /// - Parameters:
  ///   - next: the inputs, `nil` after the last; called on any thread, by one at a time.
  ///   - make: called on several threads at once.
  public init(
    threads: Int, window: Int, from next: sending @escaping () throws -> Input?,
    by make: @escaping @Sendable (Input) -> Output
  ) {
    precondition(threads > 0 && window > 0, "\(threads) threads, a window of \(window)")
    let line = Line(window, next, make)
    var started = 0
    for _ in 0..<threads {
      // Where the system grants no thread, who takes an output makes it.
      guard let thread = startThread({ while line.makeOne() {} }) else { break }
      _ = pthread_detach(thread)
      started += 1
    }
    self.line = line
    hasThreads = started > 0
  }

  deinit { line.stop() }

  /// The next output; `nil` after the last. To be called by one thread at a time.
  ///
  /// - Throws: what the source of inputs threw, after the outputs of the inputs before.
  public func next() throws -> Output? {
    if !hasThreads { _ = line.makeOne() }
    return try line.take()
  }
}

/// What the threads of a `Lookahead` share.
private final class Line<Input: Sendable, Output: Sendable>: Sendable {
  private struct Progress {
    /// Inputs that have been taken, outputs that have been given.
    var begun = 0
    var given = 0
    /// What is made and waits, by its place.
    var outputs: [Int: Output] = [:]
    /// There are no more inputs: because of an error, or because they have ended.
    var end: Result<Void, any Error>?
  }

  private let window: Int
  private let make: @Sendable (Input) -> Output
  private let source: Locked<() throws -> Input?>
  private let progress = Locked(Progress())
  private let isStopped = Atomic(false)
  private let room = Signal()
  private let news = Signal()

  init(
    _ window: Int, _ next: sending @escaping () throws -> Input?,
    _ make: @escaping @Sendable (Input) -> Output
  ) {
    self.window = window
    self.make = make
    source = Locked(next)
  }

  /// Takes an input when there is room, and makes its output.
  ///
  /// - Returns: whether there was an input.
  func makeOne() -> Bool {
    guard let (index, input) = source.withLock({ begin($0) }) else { return false }
    let output = make(input)
    progress.withLock { $0.outputs[index] = output }
    news.wake(1)
    return true
  }

  /// The next output; waits for it while it is being made.
  func take() throws -> Output? {
    news.wait {
      progress.withLock { $0.outputs[$0.given] != nil || $0.end != nil && $0.given == $0.begun }
    }
    let output = try progress.withLock { progress in
      guard let output = progress.outputs.removeValue(forKey: progress.given) else {
        try progress.end?.get()
        return Output?.none
      }
      progress.given += 1
      return output
    }
    room.wake(1)
    return output
  }

  func stop() {
    isStopped.store(true, ordering: .releasing)
    room.wake(.max)
  }

  private func begin(_ next: () throws -> Input?) -> (index: Int, input: Input)? {
    room.wait {
      isStopped.load(ordering: .acquiring)
        || progress.withLock { $0.begun - $0.given < window || $0.end != nil }
    }
    guard !isStopped.load(ordering: .acquiring), progress.withLock({ $0.end == nil }) else {
      return nil
    }
    do {
      if let input = try next() {
        return progress.withLock { progress in
          defer { progress.begun += 1 }
          return (progress.begun, input)
        }
      }
      progress.withLock { $0.end = .success(()) }
    } catch {
      progress.withLock { $0.end = .failure(error) }
    }
    news.wake(1)
    return nil
  }
}
