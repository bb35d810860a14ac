import Architecture
import Concurrency
import Kernels
import TestSupport
import Testing

@testable import Towers

/// Texts that begin alike have those rows in common; nobody may see it but by the clock.
@Suite("texts that begin alike")
struct SharedBeginningTests {
  private let pool = WorkerPool(threads: 2)

  /// A text tower whose texts are long enough to branch often.
  private static func causal(_ pooling: CLIPConfiguration.Pooling) -> CLIPConfiguration {
    CLIPConfiguration(
      image: nil,
      text: CLIPConfiguration.Text(
        transformer: CLIPConfiguration.Transformer(
          width: 40, layers: 3, heads: 5, hiddenWidth: 72, activation: .quickGELU),
        vocabularySize: 30, positions: 40, pooling: pooling),
      projectionWidth: 24)
  }

  /// Texts that branch off each other, some equal, some without an end, one the beginning of
  /// another.
  private static func texts(_ count: Int, most: Int, seed: UInt64) -> [[Int]] {
    var random = SplitMix64(seed: seed)
    func below(_ end: Int) -> Int { Int(random.next() % UInt64(end)) }
    var texts: [[Int]] = [[28, 3, 29]]
    while texts.count < count {
      let other = texts[below(texts.count)]
      var ids = Array(other.prefix(1 + below(other.count)))
      while ids.count < most - 1, below(4) > 0 { ids.append(below(3)) }
      if below(5) > 0 { ids.append(29) }
      if below(5) == 0 { ids = other }
      texts.append(ids)
    }
    return texts.shuffled(using: &random)
  }

  @Test(
    arguments: [CLIPConfiguration.Pooling.largestID, .first(29)],
    [(Compute.f32, RandomWeights.Storage.codes), (.bf16, .codes), (.int8, .codes)]
      + [(.f32, .float32), (.bf16, .float32)])
  func `answer as each does by itself`(
    pooling: CLIPConfiguration.Pooling, kind: (compute: Compute, storage: RandomWeights.Storage)
  ) throws {
    let configuration = Self.causal(pooling)
    let tower = TextTower(
      try configuration.graph().text!, weights: try RandomWeights(configuration, kind.storage),
      compute: kind.compute, pool: pool)
    for seed in UInt64(1)...6 {
      // Of several batches at the end, each of which begins a tree of its own.
      let texts = Self.texts(seed < 6 ? 40 : 400, most: 40, seed: seed)
      let together = try tower.embed(texts)
      #expect(together.count == texts.count)
      for (index, ids) in texts.enumerated() {
        let alone = try tower.embed([ids])
        guard kind.compute == .f32 else {
          #expect(Array(together[index]) == alone.normalised, "\(kind), \(ids)")
          continue
        }
        // BLAS sums in another order for another number of rows.
        #expect(maximumDifference(Array(together[index]), alone.normalised) <= 1e-6)
      }
    }
  }

  @Test func `are computed once`() throws {
    let configuration = Self.causal(.largestID)
    let tower = TextTower(
      try configuration.graph().text!, weights: try RandomWeights(configuration, .codes),
      compute: .int8, pool: pool)
    func rows(_ texts: [[Int]]) throws -> Int {
      let watch = Stopwatch()
      _ = try tower.embed(texts, watch: watch)
      let products = try #require(watch.laps.first { $0.part == .queryKeyValue })
      // Of three blocks queries, keys and values of 40×40; of the last one query a text.
      let answers = Set(texts.map { $0[...$0.firstIndex(of: 29)!] }).count
      return (Int(products.lap.operations) / (2 * 40 * 40) - answers) / 8
    }
    let one = [28, 1, 2, 3, 4, 29]
    #expect(try rows([one]) == 6)
    #expect(try rows([one, one, one + [7]]) == 6)
    #expect(try rows([one, [28, 1, 2, 9, 29], [28, 1, 2, 3, 29], [5, 29]]) == 6 + 2 + 1 + 2)
    let texts = Self.texts(60, most: 8, seed: 7).map { Array($0.prefix(7)) + [29] }
    let beginnings = Set(
      texts.flatMap { text in
        let end = text.firstIndex(of: 29)!
        return (0...end).map { Array(text[...$0]) }
      })
    #expect(beginnings.count <= Runner.rowsPerPass)
    #expect(try rows(texts) == beginnings.count)
  }

  @Test func `are sorted, each once, into batches of few rows`() {
    let texts = [[5, 6, 7], [1, 2], [5, 6], [1, 2], [5, 6, 7, 8], [1, 3]]
    let sorted = TextBatches(texts, rows: 4, sharesBeginnings: true)
    #expect(sorted.texts == [[1, 2], [1, 3], [5, 6], [5, 6, 7], [5, 6, 7, 8]])
    #expect(sorted.places == [3, 0, 2, 0, 4, 1])
    // 2 + 1 rows; 2 + 1 + 1.
    #expect(sorted.batches == [0..<2, 2..<5])
    #expect(TextBatches(texts, rows: 1, sharesBeginnings: true).batches.count == 5)
    #expect(
      TextBatches(texts, rows: 4, sharesBeginnings: false).batches == [0..<2, 2..<3, 3..<4, 4..<5])
    #expect(TextBatches([], rows: 4, sharesBeginnings: true).batches == [])
  }

  @Test(arguments: [
    (#""token":"largest""#, #"["h","ids"]"#, true), (#""token":9"#, #"["h","ids"]"#, true),
    (#""row":"last""#, #""h""#, true), (#""row":1"#, #""h""#, true), (#""row":1"#, #""h""#, false),
    (#""row":"last""#, #""h""#, false),
  ])
  func `of any pick, seen or not, causal or not`(
    pick: String, from: String, isCausal: Bool
  ) throws {
    let network = SmallNetwork(
      testDescription: "",
      steps: """
        {"op":"lookup","from":"ids","to":"x","width":8,"rows":10,"weight":"table"},
        {"op":"position","from":"x","to":"p","rows":9,"start":2,"weight":"p"},
        {"op":"linear","from":"p","to":"q","width":8,"weight":"q"},
        {"op":"linear","from":"p","to":"k","width":8,"weight":"k"},
        {"op":"linear","from":"p","to":"v","width":8,"weight":"v"},
        {"op":"attention","from":["q","k","v"],"to":"a","heads":2,"causal":\(isCausal)},
        {"op":"linear","from":"a","to":"g","width":8,"weight":"g","activation":"silu"},
        {"op":"multiply","from":["a","g"],"to":"h","stage":"h"},
        {"op":"pick","from":\(from),"to":"o",\(pick)},
        {"op":"linear","from":"o","to":"e","width":3,"weight":"e"}
        """, input: #"{"ids": {"least": 2, "most": 7}}"#)
    let graph = try network.graph(.text)
    let tower = TextTower(graph, weights: network.weights(graph), pool: pool)
    #expect(tower.runner.sharesBeginnings == isCausal)
    try expectEach(tower, [[3, 1], [3, 1, 9, 4, 3], [3, 1, 9], [2, 9], [3, 1, 5, 5], [2, 9]])
  }

  @Test(arguments: SmallNetwork.texts)
  func `in networks that look ahead, hide rows or add some`(_ network: SmallNetwork) throws {
    let graph = try network.graph(.text)
    let tower = TextTower(graph, weights: network.weights(graph), pool: pool)
    try expectEach(
      tower,
      [[3, 1, 4, 9, 1], [3, 1, 4], [3, 1, 4, 9, 1], [2, 5, 9], [2, 5, 9, 1], [3, 1, 4, 8]])
  }

  /// Expects of each text what it answers by itself while somebody looks on, when all rows are
  /// there.
  private func expectEach(_ tower: TextTower, _ texts: [[Int]]) throws {
    let together = try tower.embed(texts)
    for (index, ids) in texts.enumerated() {
      let alone = try tower.embed([ids]) { _, _ in }
      #expect(maximumDifference(Array(together[index]), alone.normalised) <= 1e-6, "\(ids)")
    }
  }
}
