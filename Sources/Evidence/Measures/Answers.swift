/// How well one set of logits agrees with another: which texts fit a picture, and in which order.
public struct Answers: Equatable, Sendable {
  /// At the model's own scale.
  public var maximumDifference: Double
  public var meanDifference: Double
  /// The share of pictures whose best text is the same.
  public var topOne: Double
  /// How many of the five best texts are the same, as a share, over all pictures.
  public var topFive: Double
  /// Spearman's correlation of the texts' ranks, of the worst picture and of all.
  public var rankMinimum: Double
  public var rankMean: Double

  /// - Parameters:
  ///   - found: a row of each picture with a logit of each text.
  ///   - reference: the same of the original.
  init(_ found: [[Float]], with reference: [[Float]]) {
    let pairs = Array(zip(found, reference))
    maximumDifference = largestDifference(found.joined(), reference.joined())
    let differences = pairs.flatMap { zip($0, $1).map { abs(Double($0) - Double($1)) } }
    meanDifference =
      maximumDifference == 0 ? 0 : differences.reduce(0, +) / Double(max(differences.count, 1))
    let count = Double(max(pairs.count, 1))
    topOne = pairs.reduce(0) { $0 + Ranking($1.0).share(of: 1, keptFrom: Ranking($1.1)) } / count
    topFive = pairs.reduce(0) { $0 + Ranking($1.0).share(of: 5, keptFrom: Ranking($1.1)) } / count
    let correlations = pairs.map { Ranking($0).correlation(with: Ranking($1)) }
    rankMinimum = correlations.min() ?? 1
    rankMean = correlations.reduce(0, +) / count
  }
}

/// Whether vectors of the original and of the pack can be searched together.
///
/// Of the pictures (of the texts, where there are fewer than three pictures) each is asked for in
/// turn, and the nearest others are found by cosine.
public struct IndexCompatibility: Equatable, Sendable {
  /// How many of the nearest are compared: 10, or half of the others where they are few.
  public var depth: Int
  /// The share of the original's nearest that is found when the index stays and the pack asks.
  public var originalIndex: Double
  /// The share when the pack makes a new index, and the original asks.
  public var convertedIndex: Double

  init?(_ found: ProbeEmbeddings, with reference: ProbeEmbeddings) {
    let usesImages = reference.images.count >= 3
    let (old, new) =
      usesImages ? (reference.images, found.images) : (reference.texts, found.texts)
    guard old.count >= 3, new.count == old.count else { return nil }
    depth = min(10, (old.count - 1) / 2)
    let expected = Self.nearest(old, in: old)
    originalIndex = Self.share(of: depth, Self.nearest(new, in: old), expected)
    convertedIndex = Self.share(of: depth, Self.nearest(old, in: new), expected)
  }

  private static func nearest(_ queries: [[Float]], in index: [[Float]]) -> [Ranking] {
    queries.enumerated().map { number, query in
      Ranking(
        index.enumerated().map { other, vector in
          other == number
            ? -.infinity
            : Float(zip(query, vector).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
        })
    }
  }

  private static func share(of depth: Int, _ found: [Ranking], _ expected: [Ranking]) -> Double {
    zip(found, expected).reduce(0) { $0 + $1.0.share(of: depth, keptFrom: $1.1) }
      / Double(found.count)
  }
}

/// Values in order, the greatest first; equal ones in the order they came in, NaN last.
package struct Ranking {
  /// Indices of the values.
  package let order: [Int]

  package init(_ values: [Float]) {
    let keys = values.map { $0.isNaN ? -Float.infinity : $0 }
    order = keys.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] > keys[$1] }
  }

  /// How many of another's first are among the first here, as a share.
  func share(of count: Int, keptFrom other: Ranking) -> Double {
    let count = min(count, order.count)
    guard count > 0 else { return 1 }
    return Double(Set(order.prefix(count)).intersection(other.order.prefix(count)).count)
      / Double(count)
  }

  /// Spearman's: 1 for the same order, −1 for the opposite one.
  func correlation(with other: Ranking) -> Double {
    let count = Double(order.count)
    guard count > 1 else { return 1 }
    var places = [Int](repeating: 0, count: order.count)
    for (place, index) in other.order.enumerated() { places[index] = place }
    let squares = order.enumerated().reduce(0) { sum, entry in
      let difference = Double(entry.offset - places[entry.element])
      return sum + difference * difference
    }
    return 1 - 6 * squares / (count * (count * count - 1))
  }
}
