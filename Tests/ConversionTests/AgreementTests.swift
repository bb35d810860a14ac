import Testing

@testable import Conversion

@Suite("Agreement")
struct AgreementTests {
  @Test func `is whole between equal embeddings`() {
    let rows: [[Float]] = [[1, 0], [0.6, 0.8]]
    let agreement = Agreement(of: rows, with: rows)
    #expect(agreement.cosineMinimum == 1)
    #expect(agreement.cosineMean == 1)
    #expect(agreement.centredCosineMinimum == 1)
    #expect(agreement.maximumDifference == 0)
  }

  @Test func `is as low as its lowest pair`() {
    let agreement = Agreement(of: [[1, 0], [0, 1]], with: [[1, 0], [1, 0]])
    #expect(agreement.cosineMinimum == 0)
    #expect(agreement.cosineMean == 0.5)
    #expect(agreement.maximumDifference == 1)
  }

  @Test func `is not flattered by what all embeddings share, when centred`() {
    let reference: [[Float]] = [[0.995, 0.0998], [0.995, -0.0998]]
    let found: [[Float]] = [[0.999, 0.0447], [0.999, -0.0447]]
    let swapped = Agreement(of: [found[1], found[0]], with: reference)
    #expect(swapped.cosineMinimum > 0.98)
    #expect(swapped.centredCosineMinimum < -0.9)
  }

  @Test func `is not a number where an embedding is none`() {
    let agreement = Agreement(of: [[1, 0], [.nan, 0]], with: [[1, 0], [1, 0]])
    #expect(agreement.cosineMinimum.isNaN)
    #expect(agreement.maximumDifference.isNaN)
  }

  @Test func `numbers are written as people expect`() {
    #expect(decimal(0.99995, 4) == "1.0000")
    #expect(decimal(-0.05, 1) == "-0.1")
    #expect(decimal(-0.0001, 2) == "0.00")
    #expect(decimal(12.345, 0) == "12")
    #expect(decimal(.nan, 3) == "nan")
  }
}
