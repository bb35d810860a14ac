internal import Synchronization

/// Places that several threads fill, each its own.
final class Slots<Element: Sendable>: Sendable {
  private let elements: Mutex<[Element?]>

  init(_ count: Int) { elements = Mutex(Array(repeating: nil, count: count)) }

  subscript(index: Int) -> Element {
    get {
      guard let element = elements.withLock({ $0[index] }) else {
        preconditionFailure("slot \(index) is empty")
      }
      return element
    }
    set { elements.withLock { $0[index] = newValue } }
  }

  /// Empties a slot, so that its memory can go.
  func take(_ index: Int) -> Element {
    let element = self[index]
    elements.withLock { $0[index] = nil }
    return element
  }
}
