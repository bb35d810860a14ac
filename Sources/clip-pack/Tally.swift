import Bytes

/// How many are done, and how fast it goes.
struct Tally {
  private let total: Int?
  private let terminal: Terminal
  private let isHidden: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant
  private(set) var done = 0
  var skipped = 0

  init(of total: Int?, _ terminal: Terminal, hidden: Bool) {
    self.total = total
    self.terminal = terminal
    isHidden = hidden
    start = clock.now
    shown = start
  }

  mutating func count() {
    done += 1
    guard !isHidden, clock.now - shown >= .milliseconds(100) else { return }
    shown = clock.now
    let seconds = (shown - start) / .seconds(1)
    let rate = decimal(Double(done) / seconds, 1)
    let of = total.map { " of \($0)" } ?? ""
    terminal.progress(
      "embedding \(done)\(of), \(rate) a second", total.map { Double(done) / Double($0) })
  }

  func end() { if !isHidden { terminal.endProgress() } }
}

/// That some pictures were left out: no fault of the pack's.
struct Skipped: Error, CustomStringConvertible {
  let description: String
}
