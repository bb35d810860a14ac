internal import Platform

/// What the last call on a thread has to say.
final class Messages {
  var last: CString?
  var items: [Int: CString] = [:]

  func clear() {
    last = nil
    if !items.isEmpty { items = [:] }
  }

  /// The calling thread's.
  static var ofThread: Messages {
    if let known = unsafe pthread_getspecific(key) {
      return unsafe Unmanaged<Messages>.fromOpaque(known).takeUnretainedValue()
    }
    let new = Messages()
    unsafe pthread_setspecific(key, Unmanaged.passRetained(new).toOpaque())
    return new
  }

  private static let key = unsafe makeThreadLocalKey { unsafe release($0) }

  private static func release(_ messages: UnsafeMutableRawPointer?) {
    guard let messages = unsafe messages else { return }
    unsafe Unmanaged<Messages>.fromOpaque(messages).release()
  }
}

/// A text as C has it, for as long as this object lives.
@safe final class CString {
  let start: UnsafeMutablePointer<CChar>

  /// - Parameter text: zero characters in it become spaces.
  init(_ text: String) {
    let bytes = text.utf8.map { CChar(bitPattern: $0 == 0 ? 0x20 : $0) } + [0]
    unsafe start = .allocate(capacity: bytes.count)
    unsafe start.initialize(from: bytes, count: bytes.count)
  }

  deinit { unsafe start.deallocate() }
}
