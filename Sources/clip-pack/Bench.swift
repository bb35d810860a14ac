import Architecture
import ArgumentParser
import Bytes
import ClipPack
import Concurrency
import Kernels
import PackFormat
import SystemPackage
import Towers

struct Bench: Command {
  static let configuration = CommandConfiguration(
    abstract: "Time a pack on this machine: opening, reading, pictures and texts.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(
    help: ArgumentHelp("How often each is run (default: 10).", valueName: "n"),
    transform: wholeNumber(from: "1 up"))
  var rounds = 10

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  func validate() throws {
    guard rounds >= 1 else { throw ValidationError("--rounds is \(rounds), at least 1 is needed.") }
  }

  func perform() throws {
    let (rows, compute) = try naming(pack) { try measure() }
    let peak = peakThroughput(of: compute, on: WorkerPool(threads: common.threads))
    guard !common.json else {
      try emit(
        JSON.object([
          "threads": .integer(common.threads), "rounds": .integer(rounds),
          "compute": .string(compute.rawValue), "peak_gflops": .number(peak / 1e9),
          "results": .array(rows.map { $0.json(peak) }),
        ]))
      return
    }
    try emit(
      "\(pack) in \(compute.rawValue), \(counted(common.threads, "thread")), median of \(rounds); "
        + "a product in the caches runs at \(decimal(peak / 1e9, 0)) GFLOPS")
    let cases = Table.lines(
      ["", "median", "min", "max", "processor", "GFLOPS", "of peak"], rows.map { $0.cells(peak) })
    for line in cases { try emit("  " + line) }
    for row in rows where row.showsParts {
      try emit("")
      try emit("Where the time of \(row.what) goes, mean of \(rounds)")
      let parts = Table.lines(
        ["", "mean", "of all", "GFLOPS", "of peak"], row.partCells(peak, rounds))
      for line in parts { try emit("  " + line) }
    }
  }

  private struct Time {
    var wall: Double
    var processor: Double
  }

  private struct Row {
    var what: String
    var rounds: [Time]
    /// Where the time of all rounds went, and what they computed; empty for what is no forward
    /// pass.
    var laps: [(part: Stopwatch.Part, lap: Stopwatch.Lap)] = []
    var showsParts = false

    /// In milliseconds, one a round.
    var times: [Double] { rounds.map(\.wall) }
    var median: Double { times.sorted()[times.count / 2] }
    /// What all threads together have computed: steadier than the clock on a busy machine.
    var medianOfProcessor: Double { rounds.map(\.processor).sorted()[rounds.count / 2] }
    /// Operations a second, of one round.
    var rate: Double? {
      let operations = laps.reduce(0) { $0 + $1.lap.operations } / Double(rounds.count)
      return operations > 0 ? operations / median * 1e3 : nil
    }

    func cells(_ peak: Double) -> [String] {
      [what]
        + [median, times.min() ?? 0, times.max() ?? 0, medianOfProcessor]
        .map { decimal($0, 2) + " ms" } + Self.rateCells(rate, peak)
    }

    func partCells(_ peak: Double, _ count: Int) -> [[String]] {
      let all = laps.reduce(0) { $0 + $1.lap.seconds }
      return laps.map { part, lap in
        [
          part.rawValue, decimal(lap.seconds / Double(count) * 1e3, 2) + " ms",
          decimal(100 * lap.seconds / all, 1) + " %",
        ] + Self.rateCells(lap.operations > 0 ? lap.operations / lap.seconds : nil, peak)
      }
    }

    private static func rateCells(_ rate: Double?, _ peak: Double) -> [String] {
      guard let rate else { return ["", ""] }
      return [decimal(rate / 1e9, 0), decimal(100 * rate / peak, 0) + " %"]
    }

    func json(_ peak: Double) -> JSON {
      [
        "what": .string(what), "median_ms": .number(median), "min_ms": .number(times.min() ?? 0),
        "max_ms": .number(times.max() ?? 0), "cpu_ms": .number(medianOfProcessor),
        "gflops": rate.map { .number($0 / 1e9) } ?? .null,
        "peak_share": rate.map { .number($0 / peak) } ?? .null,
        "parts": .array(
          laps.map { part, lap in
            [
              "part": .string(part.rawValue),
              "mean_ms": .number(lap.seconds / Double(rounds.count) * 1e3),
              "gflops": lap.operations > 0 ? .number(lap.operations / lap.seconds / 1e9) : .null,
            ] as JSON
          }),
      ]
    }
  }

  private func measure() throws -> ([Row], Compute) {
    let path = FilePath(argument: pack)
    var rows = [
      Row(what: "open", rounds: try times { _ = try Model(opening: path, threads: 1) })
    ]
    let model = try Model(
      opening: path, threads: common.threads, compute: computing.compute)
    if let tower = model.imageTower {
      let pixels = (0..<tower.pixelCount).map { Float($0 % 251) / 125 - 1 }
      rows.append(
        Row(
          what: "first image (reads the weights)",
          rounds: try times {
            let fresh = try Model(
              opening: path, threads: common.threads, compute: computing.compute)
            _ = try fresh.imageTower?.embed(pixels.span)
          }))
      for count in [1, 8] {
        let batch = [[Float]](repeating: pixels, count: count).flatMap(\.self)
        rows.append(
          try row("image ×\(count)", showsParts: count == 1) {
            _ = try tower.embed(batch.span, watch: $0)
          })
      }
    }
    if let tower = model.textTower {
      let positions = tower.graph.tokens.upperBound
      for (length, count) in [(min(9, positions), 1), (positions, 1), (positions, 8)] {
        // Texts that begin alike would be computed together.
        let batch = (0..<count).map { sequence(of: length, from: $0, tower.graph) }
        rows.append(
          try row(
            "text of \(length) tokens ×\(count)", showsParts: length > 9 && count == 1
          ) { _ = try tower.embed(batch, watch: $0) })
      }
    }
    return (rows, model.compute)
  }

  /// Ids whose last one is where the model pools; others for each `number`, from the first on.
  private func sequence(of length: Int, from number: Int, _ text: Graph) -> [Int] {
    let end = text.endOfText
    return (1..<length).map { position in
      let id = (position * 31 + 2 * number) % text.vocabularySize
      return id == end ? (end + 1) % 2 : id
    } + [end]
  }

  private func row(
    _ what: String, showsParts: Bool, _ body: (Stopwatch?) throws -> Void
  ) throws -> Row {
    try body(nil)
    let watch = Stopwatch()
    let rounds = try times { try body(watch) }
    return Row(what: what, rounds: rounds, laps: watch.laps, showsParts: showsParts)
  }

  private func times(_ body: () throws -> Void) throws -> [Time] {
    let clock = ContinuousClock()
    return try (0..<rounds).map { _ in
      let (start, used) = (clock.now, processorTime())
      try body()
      return Time(
        wall: start.duration(to: clock.now) / .milliseconds(1), processor: processorTime() - used)
    }
  }
}
