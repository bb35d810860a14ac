#if canImport(Darwin)
  /// What is called with a thread's own pointer when the thread ends.
  public typealias ThreadLocalRelease = @convention(c) (UnsafeMutableRawPointer) -> Void
#else
  /// What is called with a thread's own pointer when the thread ends; never with `nil`.
  public typealias ThreadLocalRelease = @convention(c) (UnsafeMutableRawPointer?) -> Void
#endif

/// A key under which each thread keeps a pointer of its own.
///
/// - Precondition: the system has thread-local storage left.
public func makeThreadLocalKey(_ release: ThreadLocalRelease) -> pthread_key_t {
  var key = pthread_key_t()
  let status = unsafe pthread_key_create(&key, release)
  precondition(status == 0, "the system has no thread-local storage left (\(status))")
  return key
}
