internal import Platform

/// A value that one thread at a time has access to.
///
/// As `Synchronization.Mutex`, but a mutex of POSIX. On Linux the other hands a lock that somebody
/// waits for over inside the kernel, where ThreadSanitizer does not see it: everything that happens
/// under such a lock, and afterwards to what was taken from there, looks like a race.
@safe public final class Locked<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  public init(_ value: sending Value) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    self.value = value
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  public func withLock<Result, E: Error>(
    _ body: (inout Value) throws(E) -> Result
  ) throws(E) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
