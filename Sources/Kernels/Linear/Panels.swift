internal import CKernels

/// Rows of weights in panels of 32, which kernels for linear layers take at a time, and shares of
/// several panels that stand one after the other, which one thread takes at a time.
struct Panels: Sendable {
  let rows: Int
  /// Panels in a share: enough that a thread mostly goes on where it stopped, few enough that all
  /// threads end together.
  let perShare: Int

  static let height = CodePanels.height

  /// Rows of activations that are multiplied with a panel before they are looked at again.
  static let batch = 1024

  init(rows: Int, threads: Int) {
    self.rows = rows
    let panels = (rows + Self.height - 1) / Self.height
    perShare = threads == 1 ? max(panels, 1) : max(1, panels / (4 * threads))
  }

  var shares: Int {
    let size = perShare * Self.height
    return (rows + size - 1) / size
  }

  /// Calls `body` with the rows of each panel of a share.
  func forEach(of share: Int, _ body: (Range<Int>) -> Void) {
    let end = min(rows, (share + 1) * perShare * Self.height)
    for first in Swift.stride(from: share * perShare * Self.height, to: end, by: Self.height) {
      body(first..<min(first + Self.height, end))
    }
  }

  /// Room for a packed panel, in floats: a multiple of 64 bytes.
  static func floats(rowBytes: Int) -> Int { (ck_panel_bytes(rowBytes) + 63) / 64 * 16 }

  /// The multiple of 64 bytes that rows of `rowBytes` should be apart: an odd one, so that the rows
  /// of a tile do not all fall on the same few lines of the first cache.
  static func stride(rowBytes: Int) -> Int { ((rowBytes + 63) / 64 | 1) * 64 }
}
