internal import Concurrency
internal import Synchronization
public import SystemPackage

/// The files that this program has read, known by device and inode, so that no output replaces one
/// of them.
///
/// Nothing is remembered until `remember` is called: who embeds the library may read a file and
/// write it anew. The command line calls it first of all.
public enum ReadFiles {
  private static let known = Locked<Set<FileIdentity>>([])
  /// Looked at before the lock is taken: who embeds the library may fork while another thread has
  /// it.
  private static let remembers = Atomic(false)

  /// From now on every file that is mapped or read by lines is remembered, and the one on standard
  /// input.
  public static func remember() {
    remembers.store(true, ordering: .relaxed)
    note(FileStatus(of: FileDescriptor.standardInput))
  }

  /// Remembers a file that is going to be read; a path to nothing, a pipe or a device is none.
  public static func note(_ path: FilePath) {
    guard remembers.load(ordering: .relaxed) else { return }
    note(FileStatus(of: path))
  }

  static func note(_ status: FileStatus?) {
    guard remembers.load(ordering: .relaxed), let status, status.kind == .file else { return }
    known.withLock { _ = $0.insert(status.identity) }
  }

  /// Forgets a file that is about to be removed: the system may give its number to another.
  static func forget(_ identity: FileIdentity) {
    guard remembers.load(ordering: .relaxed) else { return }
    known.withLock { _ = $0.remove(identity) }
  }

  /// Whether a path leads to a file that has been read.
  public static func contain(_ path: FilePath) -> Bool {
    FileStatus(of: path).map { contain($0.identity) } ?? false
  }

  static func contain(_ identity: FileIdentity) -> Bool {
    remembers.load(ordering: .relaxed) && known.withLock { $0.contains(identity) }
  }
}
