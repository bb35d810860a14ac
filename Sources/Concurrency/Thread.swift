internal import Platform

/// Starts a thread that runs `body` and ends with it.
///
/// - Returns: what `pthread_join` or `pthread_detach` must be called with, once; `nil` where the
///   system grants no more threads.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
  let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
  #if canImport(Darwin)
    var thread: pthread_t?
    let status = unsafe pthread_create(&thread, nil, { run($0) }, context)
  #else
    var thread = pthread_t()
    let status = unsafe pthread_create(&thread, nil, { unsafe run($0!) }, context)
  #endif
  guard status == 0 else {
    unsafe Unmanaged<Body>.fromOpaque(context).release()
    return nil
  }
  return thread
}

private final class Body: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
  return nil
}
