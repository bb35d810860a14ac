internal import Platform

/// Memory that each thread keeps for itself between calls, because asking the system for half a
/// megabyte each time costs more than many a kernel.
enum Scratch {
  /// Calls `body` with room for `count` floats, aligned to 64 bytes, of any content.
  ///
  /// A call within `body` gets memory of its own.
  static func withFloats(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
    let kept = unsafe pthread_getspecific(key)
    let block: UnsafeMutablePointer<Block>
    if let kept = unsafe kept {
      unsafe block = kept.assumingMemoryBound(to: Block.self)
    } else {
      unsafe block = .allocate(capacity: 1)
      unsafe block.initialize(to: Block())
      unsafe pthread_setspecific(key, block)
    }
    // Taken out while in use.
    var mine = unsafe block.pointee
    unsafe block.pointee = Block()
    if mine.count < count { mine.grow(to: count) }
    unsafe body(mine.floats!)
    if unsafe block.pointee.count < mine.count {
      unsafe swap(&block.pointee, &mine)
    }
    unsafe mine.floats?.deallocate()
  }

  @safe private struct Block {
    var floats: UnsafeMutablePointer<Float>?
    var count = -1

    mutating func grow(to size: Int) {
      unsafe floats?.deallocate()
      unsafe floats = UnsafeMutableRawPointer.allocate(
        byteCount: max(size, 16) * 4, alignment: 64
      ).bindMemory(to: Float.self, capacity: max(size, 16))
      count = size
    }
  }

  private static let key = unsafe makeThreadLocalKey { unsafe release($0) }

  private static func release(_ kept: UnsafeMutableRawPointer?) {
    guard let kept = unsafe kept else { return }
    let block = unsafe kept.assumingMemoryBound(to: Block.self)
    unsafe block.pointee.floats?.deallocate()
    unsafe block.deallocate()
  }
}
