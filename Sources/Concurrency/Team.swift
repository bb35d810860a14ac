internal import CPlatform
import Synchronization

/// What the threads of a `WorkerPool` share: one loop at a time, and how they meet over it.
///
/// `state` says everything about the current loop in one word:
///
///     63 ........ 32 | 17       | 16   | 15 ............... 0
///     generation     | awaited  | open | workers within it
///
/// A worker may enter a loop only while it is open, by an exchange that also counts it in; the
/// caller closes the loop when no iteration is left and then waits for those within, not for those
/// that never came. So no thread reads `body` outside the time in which it is valid.
final class Team: Sendable {
  private let state = Atomic<UInt64>(0)
  /// The first iteration that no thread has taken.
  private let next = Atomic<Int>(0)
  private let isTaken = Atomic<Bool>(false)
  private let sleepers = Atomic<Int>(0)
  private let isShutDown = Atomic<Bool>(false)
  private let workAvailable = ConditionVariable()
  private let loopFinished = ConditionVariable()
  /// How often `state` is read before a thread goes to sleep: some 50 µs, and not at all where
  /// there are more threads than processors.
  private let spinLimit: Int

  // Written by the caller before it opens a loop, read by workers within it.
  private nonisolated(unsafe) var count = 0
  private nonisolated(unsafe) var body: (@Sendable (Int) -> Void)?

  private static let open: UInt64 = 1 << 16
  private static let awaited: UInt64 = 1 << 17
  private static let within: UInt64 = 0xffff
  private static func generation(_ state: UInt64) -> UInt64 { state >> 32 }

  init(spins: Bool) { spinLimit = spins ? 1500 : 0 }

  /// - Returns: whether the loop was run; it was not when another one has the team.
  func run(_ count: Int, _ body: @Sendable (Int) -> Void) -> Bool {
    guard !isTaken.exchange(true, ordering: .acquiring) else { return false }
    withoutActuallyEscaping(body) { body in
      unsafe self.count = count
      unsafe self.body = body
      next.store(0, ordering: .relaxed)
      let generation = Self.generation(state.load(ordering: .relaxed)) &+ 1
      state.store(generation << 32 | Self.open, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 { workAvailable.wake(count - 1) }
      drain(count, body)
      close()
      unsafe self.body = nil
    }
    isTaken.store(false, ordering: .releasing)
    return true
  }

  /// Runs loops until the team is shut down.
  func work() {
    var seen: UInt64 = 0
    while let generation = enter(after: seen) {
      if let body = unsafe body { drain(unsafe count, body) }
      leave()
      seen = generation
    }
  }

  /// Ends `work` on all threads. No loop may be running.
  func shutDown() {
    isShutDown.store(true, ordering: .sequentiallyConsistent)
    workAvailable.wake(.max)
  }

  private func drain(_ count: Int, _ body: (Int) -> Void) {
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      body(index)
    }
  }

  /// Waits for a loop other than `seen` and counts this worker in.
  private func enter(after seen: UInt64) -> UInt64? {
    var looks = 0
    while !isShutDown.load(ordering: .sequentiallyConsistent) {
      let now = state.load(ordering: .sequentiallyConsistent)
      if isUnseenLoop(now, after: seen) {
        if state.weakCompareExchange(
          expected: now, desired: now + 1, ordering: .acquiringAndReleasing
        ).exchanged {
          return Self.generation(now)
        }
      } else if looks < spinLimit {
        looks += 1
        cp_relax()
      } else {
        looks = 0
        sleep(after: seen)
      }
    }
    return nil
  }

  private func isUnseenLoop(_ state: UInt64, after seen: UInt64) -> Bool {
    state & Self.open != 0 && Self.generation(state) != seen
  }

  private func sleep(after seen: UInt64) {
    // The count goes up before `state` is read for the last time, and the caller reads the count
    // after opening a loop: one of the two sees the other.
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    workAvailable.wait {
      isUnseenLoop(state.load(ordering: .sequentiallyConsistent), after: seen)
        || isShutDown.load(ordering: .sequentiallyConsistent)
    }
    sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
  }

  private func leave() {
    let before = state.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue
    if before & Self.within == 1, before & Self.awaited != 0 { loopFinished.wake(1) }
  }

  /// Lets no more workers in and waits for those within.
  private func close() {
    var now = state.bitwiseAnd(~Self.open, ordering: .acquiringAndReleasing).newValue
    var looks = 0
    while now & Self.within != 0, looks < spinLimit {
      looks += 1
      cp_relax()
      now = state.load(ordering: .acquiring)
    }
    guard now & Self.within != 0 else { return }
    let before = state.bitwiseOr(Self.awaited, ordering: .acquiringAndReleasing).oldValue
    guard before & Self.within != 0 else { return }
    loopFinished.wait { state.load(ordering: .acquiring) & Self.within == 0 }
  }
}
