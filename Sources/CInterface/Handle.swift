internal import Bytes
internal import ClipPack
internal import Kernels
internal import Platform
internal import Synchronization
internal import SystemPackage

/// What a `clippack_model` of C points to: a pack, and the model of it that this process runs.
///
/// Threads do not exist in the child of a fork, and a lock that another thread held is never
/// released there. So a child opens a model of its own, over the mapping that it has inherited, and
/// never touches the parent's again.
@safe final class Handle: Sendable {
  let file: MappedFile
  private let threads: Int
  private let compute: Compute?
  /// The address of an `Opened` that is retained.
  private let opened: Atomic<UInt>

  /// A model and the process that opened it.
  private final class Opened: Sendable {
    let process = getpid()
    let model: Model

    init(_ file: MappedFile, _ threads: Int, _ compute: Compute?) throws {
      model = try Model(opening: file, threads: threads, compute: compute)
    }

    /// Its address, for which somebody must call `release`.
    var retained: UInt { UInt(bitPattern: unsafe Unmanaged.passRetained(self).toOpaque()) }

    private static func reference(_ address: UInt) -> Unmanaged<Opened> {
      unsafe Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
    }

    static func at(_ address: UInt) -> Opened { unsafe reference(address).takeUnretainedValue() }
    static func release(_ address: UInt) { unsafe reference(address).release() }
  }

  init(_ path: FilePath, threads: Int, compute: Compute?) throws {
    file = try MappedFile(path)
    self.threads = threads
    self.compute = compute
    opened = Atomic(try Opened(file, threads, compute).retained)
  }

  deinit {
    let last = opened.load(ordering: .acquiring)
    // The parent's threads cannot be waited for in a child.
    if Opened.at(last).process == getpid() { Opened.release(last) }
  }

  /// This process's model.
  ///
  /// - Throws: in the child of a fork, as opening a pack does.
  var model: Model {
    get throws {
      while true {
        let known = opened.load(ordering: .acquiring)
        let current = Opened.at(known)
        if current.process == getpid() { return current.model }
        let own = try Opened(file, threads, compute)
        let address = own.retained
        if opened.compareExchange(
          expected: known, desired: address, ordering: .acquiringAndReleasing
        ).exchanged {
          return own.model
        }
        // Another thread of the child came first.
        Opened.release(address)
      }
    }
  }

  /// What C holds.
  var pointer: OpaquePointer { unsafe OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }

  private static func reference(_ pointer: OpaquePointer?) throws -> Unmanaged<Handle> {
    guard let pointer = unsafe pointer else { throw ArgumentError("the model is NULL") }
    return unsafe Unmanaged.fromOpaque(UnsafeRawPointer(pointer))
  }

  /// Runs `body` with the model that C means; what goes wrong in it names the pack's path.
  static func use<Result>(
    _ pointer: OpaquePointer?, _ body: (Model) throws -> Result
  ) throws -> Result {
    let handle = unsafe try reference(pointer).takeUnretainedValue()
    return try naming("\(handle.file.path)") { try body(handle.model) }
  }

  static func release(_ pointer: OpaquePointer?) {
    unsafe try? reference(pointer).release()
  }
}
