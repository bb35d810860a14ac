import Concurrency
import Synchronization
import Testing

@Suite struct PrefetchQueueTests {
  private struct Broken: Error {}

  /// The inputs `0..<count`, then an error or the end.
  private static func numbers(
    _ count: Int, then error: (any Error)? = nil
  ) -> @Sendable () throws -> Int? {
    let next = Locked(0)
    return {
      try next.withLock { next in
        guard next < count else {
          if let error { throw error }
          return nil
        }
        defer { next += 1 }
        return next
      }
    }
  }

  /// Spends a while that differs from input to input, so that outputs are made out of order.
  private static func slowly(_ input: Int) -> Int {
    var sum = UInt64(input)
    for _ in 0..<(input * 7919 % 13) * 2000 { sum = sum &* 6_364_136_223_846_793_005 &+ 1 }
    return sum == 1 ? -1 : 3 * input
  }

  @Test(arguments: [(1, 1), (1, 5), (4, 1), (3, 2), (4, 64)])
  func `outputs come in the order of the inputs, then the end`(threads: Int, window: Int) throws {
    let ahead = PrefetchQueue(
      threads: threads, window: window, from: Self.numbers(500), by: Self.slowly)
    for index in 0..<500 { #expect(try ahead.next() == 3 * index) }
    #expect(try ahead.next() == nil)
    #expect(try ahead.next() == nil)
  }

  @Test func `no more are made than the window holds`() throws {
    let taken = Atomic(0)
    let most = Atomic(0)
    let begun = Atomic(0)
    let numbers = Self.numbers(300)
    let ahead = PrefetchQueue(threads: 4, window: 7) {
      begun.wrappingAdd(1, ordering: .relaxed)
      return try numbers()
    } by: { (input: Int) in
      let waiting = begun.load(ordering: .relaxed) - taken.load(ordering: .relaxed)
      most.max(waiting, ordering: .relaxed)
      return Self.slowly(input)
    }
    for _ in 0..<300 {
      #expect(try ahead.next() != nil)
      taken.wrappingAdd(1, ordering: .relaxed)
    }
    // One more may have been begun between `next` and the count of what was taken.
    #expect(most.load(ordering: .relaxed) <= 8)
  }

  @Test func `an error of the source comes after the outputs before it`() throws {
    let ahead = PrefetchQueue(
      threads: 3, window: 4, from: Self.numbers(20, then: Broken()), by: Self.slowly)
    for index in 0..<20 { #expect(try ahead.next() == 3 * index) }
    #expect(throws: Broken.self) { try ahead.next() }
    #expect(throws: Broken.self) { try ahead.next() }
  }

  @Test func `who stops taking leaves no work behind`() throws {
    let made = Atomic(0)
    do {
      let ahead = PrefetchQueue(threads: 2, window: 3, from: Self.numbers(1_000_000)) {
        (input: Int) in
        made.wrappingAdd(1, ordering: .relaxed)
        return input
      }
      #expect(try ahead.next() == 0)
    }
    #expect(made.load(ordering: .relaxed) <= 1 + 3 + 2)
  }
}
