import Architecture
import ArgumentParser
import Bytes
import CLIP
import ClipPack
import Conversion
import Inputs
import Kernels
import PackFormat
import SystemPackage

struct Bench: Command {
  static let configuration = CommandConfiguration(
    abstract: "Time a pack on this machine: opening, reading, pictures and texts.")

  @Argument(help: "The pack.", completion: .file(extensions: ["clippack"]))
  var pack: String

  @Option(help: ArgumentHelp("How often each is run.", valueName: "n"))
  var rounds = 10

  @OptionGroup var computing: Computing
  @OptionGroup var common: Common

  func validate() throws {
    guard rounds >= 1 else { throw ValidationError("--rounds is \(rounds), at least 1 is needed.") }
  }

  func perform() throws {
    let (rows, compute) = try naming(pack) { try measure() }
    let roof = linearRoof(of: compute, on: WorkerPool(threads: common.threads)) / 1e9
    if common.json {
      let array = rows.map {
        [
          "what": .string($0.what), "median_ms": .number($0.median),
          "min_ms": .number($0.times.min() ?? 0), "max_ms": .number($0.times.max() ?? 0),
          "cpu_ms": .number($0.medianOfProcessor),
          "gflops": $0.gflops.map { .number($0) } ?? .null,
          "roof_share": $0.gflops.map { .number($0 / roof) } ?? .null,
        ] as JSON
      }
      try emit(
        JSON.object([
          "threads": .integer(common.threads), "rounds": .integer(rounds),
          "compute": .string(compute.rawValue), "roof_gflops": .number(roof),
          "results": .array(array),
        ]))
      return
    }
    try emit(
      "\(pack) in \(compute.rawValue), \(counted(common.threads, "thread")), median of \(rounds); "
        + "a product in the caches runs at \(decimal(roof, 0)) GFLOPS")
    for line in Table.lines(
      ["", "median", "min", "max", "processor", "GFLOPS", "of that"],
      rows.map { row in
        [row.what]
          + [
            row.median, row.times.min() ?? 0, row.times.max() ?? 0, row.medianOfProcessor,
          ].map {
            decimal($0, 2) + " ms"
          }
          + [
            row.gflops.map { decimal($0, 0) } ?? "",
            row.gflops.map { decimal(100 * $0 / roof, 0) + " %" } ?? "",
          ]
      })
    {
      try emit("  " + line)
    }
  }

  private struct Time {
    var wall: Double
    var processor: Double
  }

  private struct Row {
    var what: String
    /// In milliseconds, one a round.
    var times: [Double] { rounds.map(\.wall) }
    var rounds: [Time]
    /// What one run computes, in operations.
    var operations = 0.0

    var median: Double { times.sorted()[times.count / 2] }
    /// What all threads together have computed: steadier than the clock on a busy machine.
    var medianOfProcessor: Double { rounds.map(\.processor).sorted()[rounds.count / 2] }
    var gflops: Double? { operations > 0 ? operations / median / 1e6 : nil }
  }

  private func measure() throws -> ([Row], Compute) {
    let path = FilePath(pack)
    var rows = [
      Row(what: "open", rounds: try times { _ = try Model(opening: path, threads: 1) })
    ]
    let model = try Model(
      opening: path, threads: common.threads, compute: computing.compute)
    if let tower = model.imageTower {
      let size = tower.configuration.imageSize
      let pixels = (0..<3 * size * size).map { Float($0 % 251) / 125 - 1 }
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
          Row(
            what: "image ×\(count)", rounds: try times { _ = try tower.embed(batch.span) },
            operations: Double(count) * model.configuration.operationsPerImage))
      }
    }
    if let tower = model.textTower {
      let positions = tower.configuration.positions
      for (length, count) in [(min(9, positions), 1), (positions, 1), (positions, 8)] {
        let ids = sequence(of: length, tower.configuration)
        let batch = [[Int]](repeating: ids, count: count)
        rows.append(
          Row(
            what: "text of \(length) tokens ×\(count)",
            rounds: try times { _ = try tower.embed(batch) },
            operations: Double(count) * model.configuration.operations(perTextOf: length)))
      }
    }
    return (rows, model.compute)
  }

  /// Ids whose last one is where the model pools.
  private func sequence(of length: Int, _ text: Configuration.Text) -> [Int] {
    let end =
      switch text.pooling {
      case .largestID: text.vocabularySize - 1
      case .first(let id): id
      }
    return (1..<length).map { position in
      let id = position * 31 % text.vocabularySize
      return id == end ? (end + 1) % 2 : id
    } + [end]
  }

  private func times(_ body: () throws -> Void) throws -> [Time] {
    let clock = ContinuousClock()
    try body()
    return try (0..<rounds).map { _ in
      let (start, used) = (clock.now, processorTime())
      try body()
      return Time(
        wall: start.duration(to: clock.now) / .milliseconds(1), processor: processorTime() - used)
    }
  }
}

extension Configuration {
  /// Multiplications and additions of the matrices alone.
  fileprivate var operationsPerImage: Double {
    guard let image else { return 0 }
    let patch = Double(image.channels * image.patchSize * image.patchSize)
    let width = Double(image.transformer.width)
    return operations(image.transformer, Double(image.positions))
      + 2 * Double(image.positions) * patch * width + 2 * width * Double(projectionWidth)
  }

  fileprivate func operations(perTextOf length: Int) -> Double {
    guard let text else { return 0 }
    return operations(text.transformer, Double(length))
      + 2 * Double(text.transformer.width * projectionWidth)
  }

  private func operations(_ transformer: Transformer, _ rows: Double) -> Double {
    let (width, hidden) = (Double(transformer.width), Double(transformer.hiddenWidth))
    return Double(transformer.layers) * rows
      * (8 * width * width + 4 * width * hidden + 4 * width * rows)
  }
}
