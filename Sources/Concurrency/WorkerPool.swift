internal import CPlatform
internal import Platform

/// Threads that share out the iterations of one loop at a time.
///
/// Made for loops of 100 µs: idle workers spin for some 50 µs before they sleep, and a worker that
/// is late is not waited for. Which thread runs which iteration is not defined, so an iteration
/// must not depend on it; then results do not depend on how many threads there are.
///
/// Any thread may call `run`, also from within an iteration and while another loop runs: a loop
/// that finds the workers taken runs on the thread that called it.
public final class WorkerPool: Sendable {
  /// How many threads work on a loop, the calling one included.
  public let threads: Int

  private let team: Team?
  private nonisolated(unsafe) var workers: [pthread_t] = []

  /// - Parameter threads: by default one for each processor that this process may run on.
  public init(threads: Int = WorkerPool.processors) {
    precondition(threads > 0, "a pool of \(threads) threads")
    self.threads = threads
    guard threads > 1 else {
      team = nil
      return
    }
    let team = Team(spins: threads <= Self.processors)
    self.team = team
    for _ in 1..<threads {
      // Where the system grants no more threads, those there are do the work.
      guard let worker = startThread(team.work) else { break }
      unsafe workers.append(worker)
    }
  }

  deinit {
    team?.shutDown()
    for worker in unsafe workers { pthread_join(worker, nil) }
  }

  /// How many processors this process may run on.
  public static let processors = Int(cp_processors())

  /// Calls `body` once for each of `0..<count`, in any order, on several threads at once. Returns
  /// when all calls have; what they wrote is visible to the caller then.
  public func run(_ count: Int, _ body: @Sendable (Int) -> Void) {
    guard count > 1, let team, team.run(count, body) else {
      for index in 0..<max(count, 0) { body(index) }
      return
    }
  }

  /// What `body` gives for each of `0..<count`, in this order, called as by `run`.
  public func map<Element>(_ count: Int, _ body: @Sendable (Int) -> Element) -> [Element] {
    // The standard library writes to what all empty arrays share.
    guard count > 0 else { return [] }
    return unsafe [Element](unsafeUninitializedCapacity: count) { elements, filled in
      nonisolated(unsafe) let elements = unsafe elements
      run(count) { index in unsafe elements.initializeElement(at: index, to: body(index)) }
      filled = count
    }
  }
}
