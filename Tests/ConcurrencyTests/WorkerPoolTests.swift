import Concurrency
import Foundation
import Synchronization
import Testing

@Suite("worker pool")
struct WorkerPoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func `runs every iteration once`(threads: Int, count: Int) {
    let pool = WorkerPool(threads: threads)
    for _ in 0..<20 { #expect(counts(pool, count) == Array(repeating: 1, count: count)) }
  }

  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func `gathers what iterations give in their order`(threads: Int, count: Int) {
    // Elements with memory of their own.
    let texts = WorkerPool(threads: threads).map(count) { String(repeating: "\($0) ", count: 20) }
    #expect(texts == (0..<count).map { String(repeating: "\($0) ", count: 20) })
  }

  @Test func `runs ten thousand short loops one after the other`() {
    let pool = WorkerPool(threads: 3)
    let total = Atomic<Int>(0)
    for _ in 0..<10_000 { pool.run(3) { total.wrappingAdd($0, ordering: .relaxed) } }
    #expect(total.load(ordering: .relaxed) == 30_000)
  }

  @Test func `a loop within an iteration runs too`() {
    let pool = WorkerPool(threads: 4)
    let total = Atomic<Int>(0)
    pool.run(10) { _ in
      pool.run(10) { _ in total.wrappingAdd(1, ordering: .relaxed) }
    }
    #expect(total.load(ordering: .relaxed) == 100)
  }

  @Test func `several threads share one pool`() async {
    let pool = WorkerPool(threads: 2)
    let totals = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let total = Atomic<Int>(0)
          for _ in 0..<200 { pool.run(5) { total.wrappingAdd($0, ordering: .relaxed) } }
          return total.load(ordering: .relaxed)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(totals == Array(repeating: 2000, count: 8))
  }

  @Test func `workers that sleep wake up`() {
    let pool = WorkerPool(threads: 2)
    for _ in 0..<5 {
      Thread.sleep(forTimeInterval: 0.02)
      #expect(counts(pool, 100) == Array(repeating: 1, count: 100))
    }
  }

  @Test func `two iterations run at the same time`() {
    // Each waits for the other, so one thread alone would never end.
    let pool = WorkerPool(threads: 2)
    let arrived = Atomic<Int>(0)
    pool.run(2) { _ in
      arrived.wrappingAdd(1, ordering: .releasing)
      while arrived.load(ordering: .acquiring) < 2 {}
    }
    #expect(arrived.load(ordering: .relaxed) == 2)
  }

  @Test func `a pool that goes takes its threads with it`() {
    for _ in 0..<100 { #expect(counts(WorkerPool(threads: 3), 3) == [1, 1, 1]) }
  }

  @Test func `there is at least one processor`() {
    #expect(WorkerPool.processors >= 1)
    #expect(WorkerPool().threads == WorkerPool.processors)
  }

  /// How often each iteration ran.
  private func counts(_ pool: WorkerPool, _ count: Int) -> [Int] {
    let counters = (0..<count).map { _ in Counter() }
    pool.run(count) { counters[$0].value.wrappingAdd(1, ordering: .relaxed) }
    return counters.map { $0.value.load(ordering: .relaxed) }
  }

  /// A number that threads count up.
  private final class Counter: Sendable { let value = Atomic<Int>(0) }
}
