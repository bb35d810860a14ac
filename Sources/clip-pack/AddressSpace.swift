import Bytes
import Platform

/// What a limit on address space (`ulimit -v`) leaves.
enum AddressSpace {
  /// What OpenBLAS 0.3 takes for each thread that multiplies, in bytes. Where it gets none, it asks
  /// again for ever.
  private static let perThread = 128 << 20

  /// Refuses to begin where a limit leaves less than products take.
  static func check(threads: Int) throws(Refusal) {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #else
      let resource = RLIMIT_AS
    #endif
    guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t.max >> 1 else { return }
    let needed = (threads + 1) * perThread
    let probe = unsafe mmap(nil, needed, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard unsafe probe != MAP_FAILED else {
      throw Refusal(
        "\(counted(threads, "thread")) may take \(size(needed)) of address space, and the limit of "
          + "\(size(Int(clamping: limit.rlim_cur))) leaves less; raise it (ulimit -v) or lower "
          + "--threads")
    }
    unsafe munmap(probe, needed)
  }
}
