internal import Architecture
internal import Kernels

/// Resizes a picture that comes row by row, as Pillow does: along the rows, rounded and clipped to
/// 8 bits, then along the columns, rounded and clipped again.
///
/// Only the wanted part of the result is computed. Source rows are forgotten as soon as they are
/// added to the rows of the result that they count for, so that memory follows the result.
struct Resampler {
  private let across: Edge.Plan
  private let down: Edge.Plan
  private let sourceWidth: Int
  private let isa: InstructionSet
  private let width: Int
  private let height: Int

  /// (height, width, 3): the wanted part; complete when every source row has been taken.
  private(set) var levels: [UInt8]
  /// One row, resized along its length.
  private var row: [UInt8]
  /// Rows of sums, one for each result row in the making, used in turn.
  private var sums: [Int32] = []
  private var slots = 0
  /// The first result row that is not complete.
  private var next = 0
  /// The source row to be taken next.
  private var position = 0

  init(
    columns: Edge, rows: Edge, _ resample: Preprocessing.Resample,
    using isa: InstructionSet = .widest
  ) {
    across = columns.plan(resample)
    down = rows.plan(resample)
    sourceWidth = columns.source
    self.isa = isa
    width = columns.wanted.count
    height = rows.wanted.count
    levels = [UInt8](repeating: 0, count: 3 * width * height)
    row = [UInt8](repeating: 0, count: 3 * width)
    if case .weighed(let windows) = down {
      slots = Self.slots(windows)
      sums = [Int32](repeating: 0, count: slots * 3 * width)
    }
  }

  /// The most result rows that one source row can count for.
  private static func slots(_ windows: Windows) -> Int {
    var most = 0
    var end = 0
    for index in 0..<windows.count {
      end = max(end, index)
      while end < windows.count, windows.range(end).lowerBound < windows.range(index).upperBound {
        end += 1
      }
      most = max(most, end - index)
    }
    return most
  }

  /// Takes the next source row.
  ///
  /// - Parameter source: RGB, (source width, 3).
  mutating func take(_ source: Span<UInt8>) {
    precondition(source.count == 3 * sourceWidth, "\(source.count) levels of a row")
    defer { position += 1 }
    switch down {
    case .picked(let picked):
      // Positions never step back, and one source row may be picked many times.
      while next < height, let wanted = picked[next], wanted <= position {
        if next == 0 || picked[next - 1] != wanted { resizeRow(source) }
        copyRow(to: next)
        next += 1
      }
    case .weighed(let windows):
      guard next < height, windows.range(next).lowerBound <= position else { return }
      resizeRow(source)
      add(windows)
    }
  }

  /// Adds the row to every result row that it counts for, and completes those that it is last for.
  private mutating func add(_ windows: Windows) {
    let count = 3 * width
    var index = next
    while index < height, windows.range(index).lowerBound <= position {
      let slot = index % slots * count
      let range = windows.range(index)
      if range.contains(position) {
        Self.add(
          row, times: windows.weight(index, at: position), to: &sums, at: slot, using: isa)
      }
      if range.upperBound == position + 1 {
        Self.complete(&levels, at: index * count, from: &sums, at: slot, count)
        next = index + 1
      }
      index += 1
    }
  }

  private static func add(
    _ row: [UInt8], times weight: Int32, to sums: inout [Int32], at slot: Int,
    using isa: InstructionSet
  ) {
    var all = sums.mutableSpan
    var part = all._mutatingExtracting(slot..<slot + row.count)
    accumulate(row.span, weight: weight, into: &part, using: isa)
  }

  private static func complete(
    _ levels: inout [UInt8], at start: Int, from sums: inout [Int32], at slot: Int, _ count: Int
  ) {
    var all = sums.mutableSpan
    var part = all._mutatingExtracting(slot..<slot + count)
    var result = levels.mutableSpan
    var out = result._mutatingExtracting(start..<start + count)
    roundRow(&part, into: &out)
  }

  private mutating func resizeRow(_ source: Span<UInt8>) {
    switch across {
    case .weighed(let windows): Self.resize(source, windows, into: &row, using: isa)
    case .picked(let picked):
      for (index, from) in picked.enumerated() {
        for channel in 0..<3 {
          row[3 * index + channel] = from.map { source[3 * $0 + channel] } ?? 0
        }
      }
    }
  }

  private static func resize(
    _ source: Span<UInt8>, _ windows: Windows, into row: inout [UInt8], using isa: InstructionSet
  ) {
    var out = row.mutableSpan
    resample(source, windows, into: &out, using: isa)
  }

  private mutating func copyRow(to index: Int) {
    for offset in 0..<3 * width { levels[index * 3 * width + offset] = row[offset] }
  }
}
