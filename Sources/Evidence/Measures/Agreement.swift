internal import Bytes
public import PackFormat
package import Towers

/// How well one set of embeddings agrees with another.
///
/// Embeddings are L2-normalised rows of one width, in the same order.
public struct Agreement: Equatable, Sendable {
  /// Of each embedding with its reference.
  public var cosines: [Double]
  /// After the mean of the reference embeddings has been subtracted from both: embeddings of CLIP
  /// share a large common part, which flatters the plain cosine. 1 for a single embedding.
  public var centredCosines: [Double]
  public var maximumDifference: Double

  public var cosineMinimum: Double { Self.minimum(cosines) }
  public var cosineMean: Double { Self.mean(cosines) }
  public var centredCosineMinimum: Double { Self.minimum(centredCosines) }
  public var centredCosineMean: Double { Self.mean(centredCosines) }

  /// The cosine that such a share of the embeddings stays below.
  public func cosineQuantile(_ share: Double) -> Double {
    guard !cosines.contains(where: \.isNaN), !cosines.isEmpty else { return cosineMinimum }
    let sorted = cosines.sorted()
    return sorted[min(Int(saturating: share * Double(sorted.count)), sorted.count - 1)]
  }

  init(of found: [[Float]], with reference: [[Float]]) {
    precondition(found.count == reference.count, "\(found.count) against \(reference.count)")
    let cosines = zip(found, reference).map {
      Self.cosine($0.map(Double.init), $1.map(Double.init))
    }
    self.cosines = cosines
    maximumDifference = largestDifference(found.joined(), reference.joined())
    let mean = Self.mean(of: reference)
    centredCosines =
      reference.count < 2
      ? cosines.map { $0.isNaN ? .nan : 1 }
      : zip(found, reference).enumerated().map { index, pair in
        // What is nothing but the common part has nothing left, and is right where both are.
        if cosines[index] == 1, pair.0 == pair.1 { return 1 }
        return Self.cosine(Self.subtract(mean, from: pair.0), Self.subtract(mean, from: pair.1))
      }
  }

  private static func minimum(_ values: [Double]) -> Double {
    values.contains(where: \.isNaN) ? .nan : values.min() ?? 1
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 1 : values.reduce(0, +) / Double(values.count)
  }

  /// The cosine of two vectors; NaN where one has a value that is no number, or norm 0: those agree
  /// with nothing, each other included.
  private static func cosine(_ a: [Double], _ b: [Double]) -> Double {
    guard (a + b).allSatisfy(\.isFinite), a.contains(where: { $0 != 0 }) else { return .nan }
    if a == b { return 1 }
    let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    let squares = a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }
    return product / squares.squareRoot()
  }

  private static func mean(of rows: [[Float]]) -> [Double] {
    var sum = [Double](repeating: 0, count: rows.first?.count ?? 0)
    for row in rows { for i in sum.indices { sum[i] += Double(row[i]) } }
    return sum.map { $0 / Double(rows.count) }
  }

  private static func subtract(_ mean: [Double], from row: [Float]) -> [Double] {
    zip(row, mean).map { Double($0) - $1 }
  }
}

/// The largest difference of two lists; NaN where a value of either is no number or infinite.
func largestDifference(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Double {
  zip(a, b).reduce(0) { largest, pair in
    guard pair.0.isFinite, pair.1.isFinite else { return .nan }
    let difference = abs(Double(pair.0) - Double(pair.1))
    // A NaN must not be lost, as it would be by `max`.
    return largest.isNaN || difference.isNaN ? .nan : max(largest, difference)
  }
}

/// What both towers' embeddings, and the answers made of them, say of a model.
public struct Comparison: Equatable, Sendable {
  public var image: Agreement?
  public var text: Agreement?
  /// What the logits say, picture by picture; `nil` without both towers.
  public var answers: Answers?
  /// Whether an index of embeddings can stay; `nil` for fewer than three embeddings.
  public var index: IndexCompatibility?
  /// `nil` where stages were not observed.
  public var imageStages: StageErrors?
  public var textStages: StageErrors?

  public var logitsMaximumDifference: Double? { answers?.maximumDifference }
  public var topOneAgreement: Double? { answers?.topOne }

  /// The lowest cosine of both towers.
  public var cosineMinimum: Double {
    let values = [image, text].compactMap { $0?.cosineMinimum }
    return values.contains(where: \.isNaN) ? .nan : values.min() ?? 1
  }

  package init(_ found: ProbeEmbeddings, with reference: ProbeEmbeddings) {
    if !reference.images.isEmpty { image = Agreement(of: found.images, with: reference.images) }
    if !reference.texts.isEmpty { text = Agreement(of: found.texts, with: reference.texts) }
    if let found = found.imageStages, let reference = reference.imageStages {
      imageStages = StageErrors(found, with: reference)
    }
    if let found = found.textStages, let reference = reference.textStages {
      textStages = StageErrors(found, with: reference)
    }
    index = IndexCompatibility(found, with: reference)
    guard let similarity = found.similarity, let logits = found.logits(similarity),
      let expected = reference.givenLogits
        ?? reference.logits(reference.similarity ?? similarity)
    else { return }
    answers = Answers(logits, with: expected)
  }
}

/// The embeddings of probes, L2-normalised.
package struct ProbeEmbeddings: Sendable {
  var images: [[Float]] = []
  var texts: [[Float]] = []
  /// `nil` where stages were not observed.
  var imageStages: StageSample?
  var textStages: StageSample?

  /// The model's own factor between cosines and logits; `nil` where it is not known.
  package var similarity: Similarity?
  /// Logits that came with the embeddings, one row for each image.
  var givenLogits: [[Float]]?

  /// One row for each image; `nil` without images and texts.
  package func logits(_ similarity: Similarity) -> [[Float]]? {
    guard let width = images.first?.count, !texts.isEmpty else { return nil }
    let all = texts.flatMap(\.self)
    return images.map { similarity.logits(images: $0, texts: all, width: width) }
  }
}
