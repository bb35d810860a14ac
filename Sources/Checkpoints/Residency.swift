internal import Bytes
internal import Concurrency

/// Keeps the mapped pages of a checkpoint few while a program walks through its tensors.
///
/// What is let go comes back from the file when it is touched again, so a tensor stays valid
/// however long its holder keeps it.
final class Residency: Sendable {
  /// How many bytes of tensors may have been handed out before the earlier ones are let go.
  static let budget = 64 << 20

  private struct Stretch {
    let file: any TensorFile
    let entry: TensorEntry
    let range: Range<Int>
  }

  private struct State {
    var stretches: [Stretch] = []
    var total = 0
  }

  private let state = Locked(State())

  /// Notes a tensor that is about to be read, and lets go of those before it when the budget is
  /// spent.
  func willRead(_ file: any TensorFile, _ entry: TensorEntry, _ range: Range<Int>) {
    let old = state.withLock { state in
      let isSpent = state.total + range.count > Self.budget
      let old = isSpent ? state.stretches : []
      if isSpent { state = State() }
      state.stretches.append(Stretch(file: file, entry: entry, range: range))
      state.total += range.count
      return old
    }
    for stretch in old { stretch.file.release(stretch.entry, stretch.range) }
  }
}
