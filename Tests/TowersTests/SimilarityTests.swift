import Architecture
import Testing

@testable import Towers

@Suite("similarity")
struct SimilarityTests {
  @Test func `embeddings get length 1`() throws {
    let rows = try Embeddings(
      projected: [3, 4, -1e-30, 0, 3e38, 3e38], width: 2, of: .image
    ).normalised
    #expect(rows[..<4] == [0.6, 0.8, -1, 0])
    #expect(abs(rows[4] - 0.70710678) <= 1e-7)
  }

  @Test(arguments: [
    ([1, 0, 0, 0], "the embedding of text 1 is all zeros, which have no direction"),
    ([1, 0, 1, .nan], "the embedding of text 1 has a value that is NaN or infinite"),
    ([-Float.infinity, 0, 1, 0], "the embedding of text 0 has a value that is NaN or infinite"),
  ])
  func `what has no direction is no embedding`(projected: [Float], message: String) {
    #expect(throws: TowerError(.embedding, message)) {
      try Embeddings(projected: projected, width: 2, of: .text)
    }
  }

  @Test func `logits are scaled cosines of all pairs`() {
    let similarity = Similarity(logScale: 4.6051702)
    #expect(abs(similarity.scale - 100) <= 1e-4)
    let logits = similarity.logits(
      images: [1, 0, 0.6, 0.8], texts: [0, 1, -1, 0, 0.8, 0.6], width: 2)
    let expected: [Float] = [0, -100, 80, 80, -60, 96]
    #expect(maximumDifference(logits, expected) <= 1e-4)
  }

  @Test func `probabilities sum to 1 for each image, even with a scale of a thousand`() {
    let similarity = Similarity(logScale: 6.9077553)
    let probabilities = similarity.probabilities(
      images: [1, 0, 0.6, 0.8], texts: [0, 1, 1, 0], width: 2)
    #expect(probabilities[..<2] == [0, 1])
    #expect(probabilities[2] == 1 && probabilities[3] < 1e-30)
    #expect(Similarity(logScale: 0).probabilities(images: [1, 0], texts: [], width: 2) == [])
  }
}
