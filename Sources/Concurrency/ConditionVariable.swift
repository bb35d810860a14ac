internal import Platform

/// A condition variable with its mutex: threads sleep until something is true.
@safe final class ConditionVariable: Sendable {
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Returns when `isTrue` returns true; asks it at once and whenever it is woken.
  func wait(until isTrue: () -> Bool) {
    unsafe pthread_mutex_lock(mutex)
    while !isTrue() { unsafe pthread_cond_wait(condition, mutex) }
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Wakes up to `count` sleeping threads. What they wait for has become true before.
  func wake(_ count: Int) {
    unsafe pthread_mutex_lock(mutex)
    if count > 8 {
      unsafe pthread_cond_broadcast(condition)
    } else {
      for _ in 0..<count { unsafe pthread_cond_signal(condition) }
    }
    unsafe pthread_mutex_unlock(mutex)
  }
}
