import Architecture
import Checkpoints
import Codecs
import Concurrency
import SystemPackage
import TestSupport
import Testing

@testable import Quantisation

/// What is tried next, given what was measured; sizes are made up.
@Suite struct RateSearchTests {
  private let pool = WorkerPool(threads: 2)

  @Test(arguments: [0.7, 1, 1.4])
  func `finds a rate in a few attempts, however sizes fall`(slope: Double) throws {
    for target in [2.0, 3.37, 8.9] {
      let search = try search(.bits(target))
      let (attempts, bits) = try run(search) { shift, _ in
        target + 0.31 - slope * Double(shift) / 256
      }
      #expect(abs(bits - target) <= 0.01 && attempts <= 6, "\(slope), \(target): \(bits)")
    }
  }

  /// A tensor that leaves the trellis makes a step of any height; it is kept there.
  @Test(arguments: [0.03, 0.2])
  func `closes a gap in the sizes`(height: Double) throws {
    let search = try search(.bits(5.8))
    let (attempts, bits) = try run(search) { shift, forms in
      5.8 - height / 2 - Double(shift - 20) / 256 + (shift + forms < 20 ? height : 0)
    }
    #expect(abs(bits - 5.8) <= 0.01 && attempts <= RateSearch.maximumAttempts + 1)
  }

  /// Of two neighbouring levels, the finer one would make wide codes of a tensor.
  @Test func `keeps codes narrow where wide ones would make a step`() throws {
    let search = try search(.bits(7.5))
    var found = 0
    for shift in -900..<0 {
      let (fine, coarse) = (search.start.shifted(by: shift), search.start.shifted(by: shift + 1))
      let (before, after) = (search.codings(at: coarse), search.codings(at: fine))
      let held = search.codings(at: RateSearch.Levels(steps: fine.steps, forms: 1))
      for entry in search.relative {
        let name = entry.parameter.name
        let (before, after) = (try #require(before[name]), try #require(after[name]))
        let steps = [before, after].compactMap { $0.step?.step }
        let isNarrow = steps.map { Grid.fitsInt8(entry.finestSteps, at: $0) }
        let isStep = !before.isTrellis && !after.isTrellis && isNarrow == [true, false]
        if isStep { found += 1 }
        #expect(before.isTrellis || held[name] == (isStep ? before : after), "\(name), \(shift)")
      }
    }
    #expect(found > 0)
  }

  @Test func `ends with the best where no size is near enough`() throws {
    let search = try search(.bits(4))
    let (_, bits) = try run(search) { shift, _ in shift < 3 ? 4.3 : 3.9 }
    #expect(bits == 3.9)
  }

  /// The same attempts, the same verdict: nothing is remembered but what was measured.
  @Test func `is a function of the attempts`() throws {
    let search = try search(.bits(4))
    let attempt = RateSearch.Attempt(levels: search.start, weightBytes: 100_000)
    let verdicts = try (0..<3).map { _ in try search.verdict(on: [attempt]) }
    #expect(verdicts[0] == verdicts[1] && verdicts[0] == verdicts[2] && verdicts[0] != .accepted)
  }

  @Test(arguments: [20_000, 40_000])
  func `fits a size, from below`(limit: Int) throws {
    let search = try search(.maxBytes(limit))
    var attempts: [RateSearch.Attempt] = []
    var levels = search.start
    while true {
      let shift = (levels.steps[.image] ?? 0) - (search.start.steps[.image] ?? 0)
      let bytes = limit + 900 - shift * Int(search.count) / 2048
      attempts.append(RateSearch.Attempt(levels: levels, weightBytes: bytes, fileBytes: bytes))
      guard case .again(let next) = try search.verdict(on: attempts) else { break }
      levels = next
    }
    let reached = try #require(attempts.last?.fileBytes)
    #expect(reached <= limit && Double(reached) >= 0.99 * Double(limit))
  }

  private func run(
    _ search: RateSearch, _ bits: (_ shift: Int, _ forms: Int) -> Double
  ) throws -> (attempts: Int, bits: Double) {
    var attempts: [RateSearch.Attempt] = []
    var levels = search.start
    while true {
      let shift = (levels.steps[.image] ?? 0) - (search.start.steps[.image] ?? 0)
      let bits = bits(shift, levels.forms)
      attempts.append(
        RateSearch.Attempt(
          levels: levels, weightBytes: Int((bits * search.parameters / 8).rounded())))
      guard case .again(let next) = try search.verdict(on: attempts) else {
        return (attempts.count, bits)
      }
      levels = next
    }
  }

  private func search(_ rate: Rate) throws -> RateSearch {
    let checkpoint = try Checkpoint(Fixture.path("models/quick-gelu").string)
    let graph = checkpoint.graph
    let sensitivity = try Sensitivity(
      of: checkpoint, graph, Recipe(target: .int8, rate: rate), TracedInputs(), nil, pool
    ) { _ in }
    return try RateSearch(rate, sensitivity, nil, others: 1_000, checkpoint, pool)
  }
}
