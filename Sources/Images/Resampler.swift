internal import Architecture
internal import Kernels

/// Resizes a picture that comes row by row, as Pillow does: along one axis, rounded and clipped to
/// 8 bits, then along the other, rounded and clipped again.
///
/// Only the wanted part of the result is computed. Source rows are forgotten as soon as they are
/// added to the rows of the result that they count for, so that memory follows the result.
struct Resampler {
  private let across: ResizeAxis.Plan
  private let down: ResizeAxis.Plan
  private let downFirst: Bool
  private let isa: InstructionSet
  private let sourceWidth: Int
  private let width: Int
  private let height: Int

  /// (height, width, 3): the wanted part; complete when every source row has been taken.
  private(set) var levels: [UInt8]
  /// One row that is resized along one axis: along its length, or down when that comes first.
  private var row: [UInt8]
  /// (slots, row's count): rows of sums, one for each result row in the making, used in turn.
  private var sums: [Int32] = []
  private var slots = 0
  /// The first result row that is not complete.
  private var next = 0
  /// The source row to be taken next.
  private var position = 0

  init(
    columns: ResizeAxis, rows: ResizeAxis, _ resample: Preprocessing.Resample,
    using isa: InstructionSet = .widest
  ) {
    across = columns.plan(resample)
    down = rows.plan(resample)
    downFirst = Self.isDownFirst(columns, rows)
    self.isa = isa
    sourceWidth = columns.source
    width = columns.wanted.count
    height = rows.wanted.count
    levels = [UInt8](repeating: 0, count: 3 * width * height)
    row = [UInt8](repeating: 0, count: 3 * (downFirst ? sourceWidth : width))
    if case .filtered(let windows) = down {
      slots = Self.slots(windows)
      sums = [Int32](repeating: 0, count: slots * row.count)
    }
  }

  /// Whether columns are resized before rows, which changes roundings.
  ///
  /// Pillow 13 does so for pictures that lose more than twice as many rows as columns (its pull
  /// request 9549; found by comparing passes). Before 13, rows always came first.
  private static func isDownFirst(_ columns: ResizeAxis, _ rows: ResizeAxis) -> Bool {
    rows.resized < rows.source && columns.resized != columns.source
      && rows.source - rows.resized > 2 * (columns.source - columns.resized)
  }

  /// The most result rows that one source row can count for.
  private static func slots(_ windows: FilterWindows) -> Int {
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
    case .copied(let copied):
      // Positions never step back, and one source row may be copied many times.
      while next < height, let wanted = copied[next], wanted <= position {
        resize(source, to: next)
        next += 1
      }
    case .filtered(let windows):
      guard next < height, windows.range(next).lowerBound <= position else { return }
      if downFirst {
        add(source, windows)
      } else {
        across.apply(to: source, &row, at: 0, using: isa)
        let row = row
        add(row.span, windows)
      }
    }
  }

  private mutating func resize(_ source: Span<UInt8>, to index: Int) {
    across.apply(to: source, &levels, at: 3 * width * index, using: isa)
  }
}

extension Resampler {
  /// Adds a row to every result row that it counts for, and completes those that it is last for.
  private mutating func add(_ source: Span<UInt8>, _ windows: FilterWindows) {
    let count = row.count
    var index = next
    while index < height, windows.range(index).lowerBound <= position {
      let slot = index % slots * count
      let range = windows.range(index)
      if range.contains(position) {
        let weight = windows.weight(index, at: position)
        Self.add(source, times: weight, to: &sums, at: slot, using: isa)
      }
      if range.upperBound == position + 1 {
        complete(index, slot)
        next = index + 1
      }
      index += 1
    }
  }

  private static func add(
    _ source: Span<UInt8>, times weight: Int32, to sums: inout [Int32], at slot: Int,
    using isa: InstructionSet
  ) {
    var all = sums.mutableSpan
    var part = all._mutatingExtracting(slot..<slot + source.count)
    accumulate(source, weight: weight, into: &part, using: isa)
  }

  private mutating func complete(_ index: Int, _ slot: Int) {
    let start = 3 * width * index
    if downFirst {
      Self.round(&sums, at: slot, into: &row, at: 0, row.count)
      let row = row
      across.apply(to: row.span, &levels, at: start, using: isa)
    } else {
      Self.round(&sums, at: slot, into: &levels, at: start, 3 * width)
    }
  }

  private static func round(
    _ sums: inout [Int32], at slot: Int, into levels: inout [UInt8], at start: Int, _ count: Int
  ) {
    var all = sums.mutableSpan
    var part = all._mutatingExtracting(slot..<slot + count)
    var result = levels.mutableSpan
    var out = result._mutatingExtracting(start..<start + count)
    roundRow(&part, into: &out)
  }
}

extension ResizeAxis.Plan {
  /// Writes the wanted pixels of a row into `out`, from `start` on.
  fileprivate func apply(
    to source: Span<UInt8>, _ out: inout [UInt8], at start: Int, using isa: InstructionSet
  ) {
    switch self {
    case .filtered(let windows):
      var all = out.mutableSpan
      var part = all._mutatingExtracting(start..<start + 3 * windows.count)
      resample(source, windows, into: &part, using: isa)
    case .copied(let copied):
      var target = start
      for position in copied {
        for channel in 0..<3 {
          out[target + channel] = position.map { source[3 * $0 + channel] } ?? 0
        }
        target += 3
      }
    }
  }
}
