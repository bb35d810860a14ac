import Bytes
import Kernels
import PackFormat
import Testing
import Towers

@testable import Evidence

/// Measures by hand-made embeddings whose answers can be worked out on paper.
@Suite("agreement")
struct ComparisonTests {
  static let reference: [[Float]] = [[1, 0], [0.8, 0.6], [0.6, 0.8]]

  @Test func `equal embeddings agree in every measure`() {
    let agreement = Agreement(of: Self.reference, with: Self.reference)
    #expect(agreement.cosineMinimum == 1)
    #expect(agreement.centredCosineMinimum == 1)
    #expect(agreement.maximumDifference == 0)
  }

  @Test func `centring shows what the common part hides`() {
    // Both rows share a large part; the small ones are exchanged.
    let reference: [[Float]] = [[1, 0.1], [1, -0.1]]
    let agreement = Agreement(of: [[1, -0.1], [1, 0.1]], with: reference)
    #expect(abs(agreement.cosineMinimum - 0.99 / 1.01) < 1e-7)
    #expect(abs(agreement.centredCosineMinimum + 1) < 1e-7)
    #expect(abs(agreement.maximumDifference - 0.2) < 1e-7)
  }

  @Test func `quantiles are cosines that were there`() {
    let found: [[Float]] = (0..<10).map { [1, Float($0)] }
    let agreement = Agreement(of: found, with: Array(repeating: [1, 0], count: 10))
    #expect(agreement.cosineQuantile(0) == agreement.cosineMinimum)
    #expect(agreement.cosineQuantile(0.5) == agreement.cosines.sorted()[5])
    #expect(agreement.cosineQuantile(1) == 1)
  }

  @Test func `NaN is never lost, on one side or on both`() {
    let broken: [[Float]] = [[.nan, 0], [0.8, 0.6], [0.6, 0.8]]
    for (found, reference) in [(broken, Self.reference), (Self.reference, broken)] {
      let agreement = Agreement(of: found, with: reference)
      #expect(agreement.cosineMinimum.isNaN)
      #expect(agreement.maximumDifference.isNaN)
    }
    let same = Agreement(of: broken, with: broken)
    #expect(same.cosineMinimum.isNaN)
    #expect(same.maximumDifference.isNaN)
  }

  @Test func `answers count best texts, five best and their order`() {
    let reference: [[Float]] = [[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]]
    let same = Answers(reference, with: reference)
    #expect(same.topOne == 1)
    #expect(same.topFive == 1)
    #expect(same.rankMinimum == 1)
    #expect(same.maximumDifference == 0)

    // In the first picture the best two change places; in the second the order is turned round.
    let found: [[Float]] = [[5, 6, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]]
    let answers = Answers(found, with: reference)
    #expect(answers.topOne == 0)
    #expect(answers.topFive == (1 + 0.8) / 2)
    #expect(answers.rankMinimum == -1)
    #expect(abs(answers.rankMean - (1 - 6.0 * 2 / (6 * 35) - 1) / 2) < 1e-12)
    #expect(answers.maximumDifference == 5)
    #expect(abs(answers.meanDifference - (2 + 18) / 12.0) < 1e-12)
  }

  @Test func `an index is compatible as far as the nearest stay the nearest`() throws {
    let angles: [Double] = [0, 0.1, 0.3, 1, 1.4]
    let old = angles.map { [Float(1 - $0 * $0 / 2), Float($0)] }
    var found = ProbeEmbeddings(images: old)
    let reference = ProbeEmbeddings(images: old)
    let same = try #require(IndexCompatibility(found, with: reference))
    #expect(same.depth == 2)
    #expect(same.originalIndex == 1)
    #expect(same.convertedIndex == 1)
    // The first picture moves to the far end, and so asks for others.
    found.images[0] = [0.1, 1.5]
    let moved = try #require(IndexCompatibility(found, with: reference))
    #expect(moved.originalIndex == 0.8)
    #expect(moved.convertedIndex < 1)
    #expect(
      IndexCompatibility(ProbeEmbeddings(images: [[1]]), with: ProbeEmbeddings(images: [[1]]))
        == nil)
  }

  @Test func `the weakest measure is the one furthest from perfect`() {
    let images: [[Float]] = [[1, 0.1], [1, -0.1]]
    let swapped: [[Float]] = [[1, -0.1], [1, 0.1]]
    let worse = Comparison(
      ProbeEmbeddings(images: swapped), with: ProbeEmbeddings(images: images))
    #expect(worse.measures.weakest?.measure == .imageCentredCosineMinimum)
    let same = Comparison(
      ProbeEmbeddings(images: images), with: ProbeEmbeddings(images: images))
    #expect(same.measures.weakest == nil)
    #expect(same.json["weakest"] == nil)
  }

  @Test func `what is worse than recorded is said, and rounding is not`() {
    let reference = ProbeEmbeddings(images: Self.reference)
    let found = ProbeEmbeddings(images: [[1, 0.01], [0.8, 0.6], [0.6, 0.8]])
    let now = Comparison(found, with: reference)
    #expect(now.regressions(from: now.measures, in: .f32) == [])
    let perfect = Comparison(reference, with: reference)
    #expect(perfect.regressions(from: now.measures, in: .f32) == [])
    let clauses = now.regressions(from: perfect.measures, in: .f32)
    #expect(
      clauses.first
        == "image_cosine_min is 0.9999500, 1.0000000 was recorded and at least 0.9999990 is allowed"
    )
    #expect(clauses.contains { $0.hasPrefix("image_max_abs is 0.0100000, 0.0000000 was recorded") })
    // In fewer bits the same may lose thrice as much elsewhere, and no more.
    for (before, passes) in [(Float(0.0055), false), (0.006, true)] {
      let recorded = Comparison(
        ProbeEmbeddings(images: [[1, before], [0.8, 0.6], [0.6, 0.8]]), with: reference)
      #expect(now.regressions(from: recorded.measures, in: .int8).isEmpty == passes)
      #expect(!now.regressions(from: recorded.measures, in: .f32).isEmpty)
    }
    let broken = ProbeEmbeddings(images: [[.nan, 0], [0.8, 0.6], [0.6, 0.8]])
    let nan = Comparison(broken, with: reference)
    #expect(!nan.regressions(from: now.measures, in: .f32).isEmpty)
  }

  @Test func `stage errors are lengths of differences over lengths`() {
    var (found, reference) = (StageSample(), StageSample())
    let (a, b): ([Float], [Float]) = ([3, 4, 0, 0], [3, 4, 0, 5])
    found.take(Stage("pooled", width: 2), b.span)
    reference.take(Stage("pooled", width: 2), a.span)
    #expect(StageErrors(found, with: reference).errors == [1])
    #expect(StageErrors(reference, with: reference).errors == [0])
  }
}
