internal import Platform

/// What a thread needs at least for its calls, in bytes: what the user's limit grants the main
/// thread, which the system else takes for every thread, may be less (`ulimit -s 64`).
private let leastStack = 1 << 20

/// Starts a thread that runs `body` and ends with it.
///
/// - Parameter stack: how many bytes its calls may take at least.
/// - Returns: what `pthread_join` or `pthread_detach` must be called with, once; `nil` where the
///   system grants no more threads.
func startThread(stack: Int = leastStack, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
  var attributes = pthread_attr_t()
  guard unsafe pthread_attr_init(&attributes) == 0 else { return nil }
  defer { unsafe pthread_attr_destroy(&attributes) }
  var size = 0
  unsafe pthread_attr_getstacksize(&attributes, &size)
  if size < stack { unsafe pthread_attr_setstacksize(&attributes, stack) }
  let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
  #if canImport(Darwin)
    var thread: pthread_t?
    let status = unsafe pthread_create(&thread, &attributes, { run($0) }, context)
  #else
    var thread = pthread_t()
    let status = unsafe pthread_create(&thread, &attributes, { unsafe run($0!) }, context)
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

/// Runs `body` on a thread whose stack has room for it, whatever the user's limit grants the main
/// thread, and waits for it; where the system grants no thread, on the one that calls.
public func runOnLargeStack(_ body: @escaping @Sendable () -> Void) {
  guard let thread = startThread(stack: 8 << 20, body) else { return body() }
  pthread_join(thread, nil)
}
