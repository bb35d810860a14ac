internal import Platform
internal import Synchronization
internal import SystemPackage

/// A temporary file that is to be removed when this process is interrupted while the object lives.
///
/// Known by a slot of a table without locks, so that a signal handler may read it at any time: who
/// takes a path out of its slot, its object or the handler, has it for itself.
public final class PendingFile: Sendable {
  /// The address of its path, a C string.
  private let path: UInt
  /// `nil` where all slots are taken: such a file is left for the next run to remove.
  private let slot: Int?

  /// Addresses of paths; 0 where there is none.
  private static let slots = InlineArray<64, Atomic<UInt>> { _ in Atomic(0) }

  init(_ path: FilePath) {
    let address = unsafe UInt(bitPattern: path.withPlatformString { unsafe strdup($0) })
    self.path = address
    slot = Self.slots.indices.first { index in
      Self.slots[index].compareExchange(
        expected: 0, desired: address, ordering: .acquiringAndReleasing
      ).exchanged
    }
  }

  deinit {
    if let slot {
      let isMine = Self.slots[slot].compareExchange(
        expected: path, desired: 0, ordering: .acquiringAndReleasing
      ).exchanged
      // Who has taken it out ends the program, and needs it until then.
      guard isMine else { return }
    }
    unsafe free(UnsafeMutableRawPointer(bitPattern: path))
  }

  /// Removes every temporary file. For a program about to end, also inside a signal handler: it
  /// takes no lock and allocates nothing.
  ///
  /// - Precondition: inside a signal handler, `prepare` has been called.
  public static func removeAll() {
    for index in slots.indices {
      let path = slots[index].exchange(0, ordering: .acquiringAndReleasing)
      if let path = unsafe UnsafePointer<CChar>(bitPattern: path) { unsafe _ = unlink(path) }
    }
  }

  /// Makes the table that a signal handler reads.
  public static func prepare() { _ = slots.count }
}
