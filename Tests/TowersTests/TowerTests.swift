import Architecture
import Concurrency
import Kernels
import Testing
import Towers

@Suite("towers")
struct TowerTests {
  static let pool = WorkerPool(threads: 2)
  static let pixels: [Float] = (0..<2 * 3 * 81).map { Float($0 * 37 % 101) / 50 - 1 }

  private func image(
    _ weights: any Weights, _ compute: Compute = .f32, _ pool: WorkerPool = pool
  ) throws -> ImageTower {
    ImageTower(
      try CLIPConfiguration.tiny.graph().image!, weights: weights, compute: compute, pool: pool)
  }

  private func text(
    _ weights: any Weights, _ compute: Compute = .f32, _ pool: WorkerPool = pool
  ) throws -> TextTower {
    TextTower(
      try CLIPConfiguration.tiny.graph().text!, weights: weights, compute: compute, pool: pool)
  }

  @Test func `what follows the end token changes nothing`() throws {
    let tower = try text(RandomWeights(.tiny))
    let alone = try tower.embed([[18, 4, 19]])
    for padded in [[18, 4, 19, 0], [18, 4, 19, 19, 19, 19], [18, 4, 19, 3, 12, 1, 5]] {
      #expect(try tower.embed([padded]) == alone)
    }
  }

  @Test func `texts of different lengths do not see each other`() throws {
    let tower = try text(RandomWeights(.tiny))
    let texts = [[18, 19], [18, 1, 2, 3, 4, 5, 19], [19], [18, 7, 19, 19]]
    let together = try tower.embed(texts)
    for (index, ids) in texts.enumerated() {
      let alone = try tower.embed([ids])
      #expect(maximumDifference(Array(together[index]), alone.normalised) <= 1e-6)
    }
  }

  @Test func `images do not see each other`() throws {
    let tower = try image(RandomWeights(.tiny))
    let together = try tower.embed(Self.pixels.span)
    for index in 0..<2 {
      let alone = try tower.embed(Self.pixels.span.extracting(index * 243..<(index + 1) * 243))
      #expect(maximumDifference(Array(together[index]), alone.normalised) <= 1e-6)
    }
  }

  @Test func `pixels beyond the last whole patch are not looked at`() throws {
    let tower = try image(RandomWeights(.tiny))
    var changed = Self.pixels
    for index in changed.indices where index % 9 == 8 || index / 9 % 9 == 8 { changed[index] = 9 }
    #expect(try tower.embed(changed.span) == tower.embed(Self.pixels.span))
  }

  @Test(arguments: [1, 2, 3, 5], Compute.allCases)
  func `answers have the same bits on any number of threads`(
    threads: Int, compute: Compute
  ) throws {
    let weights = try RandomWeights(.tiny, .codes)
    let pool = WorkerPool(threads: threads)
    let ids = [[18, 3, 19], [18, 19]]
    let images = try image(weights, compute, pool).embed(Self.pixels.span)
    #expect(try images == image(weights, compute).embed(Self.pixels.span))
    #expect(try text(weights, compute, pool).embed(ids) == text(weights, compute).embed(ids))
  }

  @Test(arguments: [(Compute.bf16, 0.9995), (.int8, 0.9995)])
  func `other kinds of computation stay near float32`(compute: Compute, least: Double) throws {
    let weights = try RandomWeights(.tiny, .codes)
    let ids = [[18, 3, 19], [18, 19], [18, 7, 1, 2, 5, 11, 19]]
    let images = try (
      image(weights).embed(Self.pixels.span), image(weights, compute).embed(Self.pixels.span)
    )
    let texts = try (text(weights).embed(ids), text(weights, compute).embed(ids))
    for (exact, found) in [images, texts] {
      #expect(exact != found)
      for index in 0..<exact.count {
        let cosine = zip(exact[index], found[index]).reduce(0) { $0 + Double($1.0 * $1.1) }
        #expect(cosine >= least)
      }
    }
  }

  @Test func `codes answer like the floats that they stand for`() throws {
    let (floats, codes) = try (RandomWeights(.tiny), RandomWeights(.tiny, .codes))
    let ids = [[18, 3, 19], [18, 19]]
    #expect(try image(codes).embed(Self.pixels.span) == image(floats).embed(Self.pixels.span))
    #expect(try text(codes).embed(ids) == text(floats).embed(ids))
  }

  @Test func `each tensor is asked for once, and a block's only when its turn comes`() throws {
    let weights = try RandomWeights(.tiny)
    var blocks: [Int] = []
    _ = try image(weights).embed(Self.pixels.span) { stage, _ in
      guard stage.name.hasPrefix("block "), let index = Int(stage.name.dropFirst(6)) else {
        return
      }
      let later = Names.Block(.image, index + 1).norm1
      #expect(!weights.asked.contains(Names.weight(later)))
      blocks.append(index)
    }
    #expect(blocks == [0, 1])
    _ = try text(weights).embed([[18, 19]])
    let names = try CLIPConfiguration.tiny.graph().parameters.map(\.name).filter {
      $0 != Names.logitScale
    }
    #expect(weights.asked.sorted() == names.sorted())
  }

  @Test func `stages come in order and have the shapes that they say`() throws {
    var stages: [String] = []
    _ = try text(RandomWeights(.tiny)).embed([[18, 3, 19], [18, 19, 0]]) {
      stages.append("\($0) \($1.count)")
    }
    #expect(
      stages == [
        "embeddings 40", "block 0 40", "block 1 40", "block 2 40", "pooled 16", "projected 12",
      ])
  }

  @Test func `nothing in, nothing out`() throws {
    #expect(try image(RandomWeights(.tiny)).embed([Float]().span).count == 0)
    #expect(try text(RandomWeights(.tiny)).embed([]).count == 0)
  }

  @Test(arguments: [
    ([[18, 19], []], "text 1 has no tokens, at least 1 is needed"),
    ([[18, 1, 2, 3, 4, 5, 6, 19]], "text 0 has 8 tokens, the model takes 7"),
    ([[18, 19], [18, 20, 19]], "token 1 of text 1 is 20, ids are 0 to 19"),
    ([[18, -1, 19]], "token 1 of text 0 is -1, ids are 0 to 19"),
  ])
  func `a text that does not fit is refused`(texts: [[Int]], message: String) {
    let error = #expect(throws: TowerError.self) { try text(RandomWeights(.tiny)).embed(texts) }
    #expect(error?.description == message)
  }

  @Test func `pixels of another size are refused`() {
    let error = #expect(throws: TowerError.self) {
      try image(RandomWeights(.tiny)).embed(Self.pixels.span.extracting(0..<300))
    }
    #expect(error?.description == "300 pixel values, an image has 243 (3×9×9)")
  }

  @Test func `every tensor that does not fit the network is refused`() throws {
    for parameter in try CLIPConfiguration.tiny.graph().parameters
    where parameter.name != Names.logitScale {
      let weights = try RandomWeights(.tiny, wrong: [parameter.name])
      let error = #expect(throws: TowerError.self) {
        _ = try image(weights).embed(Self.pixels.span)
        _ = try text(weights).embed([[18, 19]])
      }
      #expect(error?.code == .shape)
      #expect(error?.description.contains(parameter.name) == true)
    }
  }

  @Test(arguments: [
    (Operation.Pick.largest, [18, 4, 19, 19], 2), (.largest, [5], 0),
    (.token(4), [18, 4, 19, 4], 1), (.token(9), [18, 4, 19], 0), (.last, [18, 4, 19], 2),
  ])
  func `pools where transformers does`(pick: Operation.Pick, ids: [Int], position: Int) {
    #expect(pick.position(in: ids) == position)
  }
}
