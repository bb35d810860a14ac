internal import Platform
internal import Synchronization

/// Makes an output of each input on threads of its own, before the outputs are asked for, and hands
/// them out in the order of the inputs.
///
/// Never more than `window` outputs wait or are being made, however many inputs there are. The
/// threads end when all is made, or soon after this object has gone.
public final class PrefetchQueue<Input: Sendable, Output: Sendable>: Sendable {
  private let state: State<Input, Output>
  private let hasThreads: Bool

  /// - Parameters:
  ///   - next: the inputs, `nil` after the last; called on any thread, by one at a time.
  ///   - make: called on several threads at once.
  public init(
    threads: Int, window: Int, from next: sending @escaping () throws -> Input?,
    by make: @escaping @Sendable (Input) -> Output
  ) {
    precondition(threads > 0 && window > 0, "\(threads) threads, a window of \(window)")
    let state = State(window, next, make)
    var started = 0
    for _ in 0..<threads {
      // Where the system grants no thread, `next` makes each output when it is called.
      guard let thread = startThread({ while state.makeOne() {} }) else { break }
      _ = pthread_detach(thread)
      started += 1
    }
    self.state = state
    hasThreads = started > 0
  }

  deinit { state.stop() }

  /// The next output; `nil` after the last. To be called by one thread at a time.
  ///
  /// - Throws: what the source of inputs threw, once the outputs of all earlier inputs were taken.
  public func next() throws -> Output? {
    if !hasThreads { _ = state.makeOne() }
    return try state.take()
  }
}

/// What the threads of a `PrefetchQueue` share.
private final class State<Input: Sendable, Output: Sendable>: Sendable {
  private struct Progress {
    /// How many inputs have been taken, and how many outputs handed out.
    var begun = 0
    var given = 0
    /// Outputs that nobody has taken yet, by the index of their input.
    var outputs: [Int: Output] = [:]
    /// There are no more inputs: because of an error, or because they have ended.
    var end: Result<Void, any Error>?
  }

  private let window: Int
  private let make: @Sendable (Input) -> Output
  private let source: Locked<() throws -> Input?>
  private let progress = Locked(Progress())
  private let isStopped = Atomic(false)
  private let roomAvailable = ConditionVariable()
  private let outputAvailable = ConditionVariable()

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
    outputAvailable.wake(1)
    return true
  }

  /// The next output; waits for it while it is being made.
  func take() throws -> Output? {
    outputAvailable.wait {
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
    roomAvailable.wake(1)
    return output
  }

  func stop() {
    isStopped.store(true, ordering: .releasing)
    roomAvailable.wake(.max)
  }

  private func begin(_ next: () throws -> Input?) -> (index: Int, input: Input)? {
    roomAvailable.wait {
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
    outputAvailable.wake(1)
    return nil
  }
}
