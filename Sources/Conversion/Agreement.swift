public import Bytes
internal import CLIP

/// How well one set of embeddings agrees with another.
///
/// Embeddings are L2-normalised rows of one width, in the same order.
public struct Agreement: Equatable, Sendable {
  public var cosineMinimum: Double
  public var cosineMean: Double
  /// After the mean of the reference embeddings has been subtracted from both: embeddings of CLIP
  /// share a large common part, which flatters the plain cosine. 1 for a single embedding.
  public var centredCosineMinimum: Double
  public var maximumDifference: Double

  init(of found: [[Float]], with reference: [[Float]]) {
    precondition(found.count == reference.count, "\(found.count) against \(reference.count)")
    let cosines = zip(found, reference).map {
      Self.cosine($0.map(Double.init), $1.map(Double.init))
    }
    cosineMinimum = cosines.min() ?? 1
    cosineMean = cosines.isEmpty ? 1 : cosines.reduce(0, +) / Double(cosines.count)
    maximumDifference =
      zip(found.joined(), reference.joined()).map { abs(Double($0) - Double($1)) }.reduce(0) {
        // A NaN on either side must not be lost, as it would be by `max`.
        $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1)
      }
    let mean = Self.mean(of: reference)
    centredCosineMinimum =
      reference.count < 2
      ? 1
      : zip(found, reference).map {
        Self.cosine(Self.subtract(mean, from: $0), Self.subtract(mean, from: $1))
      }.min() ?? 1
    if cosines.contains(where: \.isNaN) { cosineMinimum = .nan }
  }

  /// The cosine of two vectors; 1 for two that are equal, zeros too.
  private static func cosine(_ a: [Double], _ b: [Double]) -> Double {
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

/// What both towers' embeddings, and the answers made of them, say of a model.
public struct Comparison: Equatable, Sendable {
  public var image: Agreement?
  public var text: Agreement?
  /// The largest difference of logits, at the model's own scale; `nil` without both towers.
  public var logitsMaximumDifference: Double?
  /// The share of pictures whose best text is the same; `nil` without both towers.
  public var topOneAgreement: Double?

  /// The lowest cosine of both towers.
  public var cosineMinimum: Double {
    let values = [image, text].compactMap { $0?.cosineMinimum }
    return values.contains(where: \.isNaN) ? .nan : values.min() ?? 1
  }

  /// - Parameter similarity: `nil` without both towers.
  init(_ found: ProbeEmbeddings, with reference: ProbeEmbeddings, _ similarity: Similarity?) {
    if !reference.images.isEmpty { image = Agreement(of: found.images, with: reference.images) }
    if !reference.texts.isEmpty { text = Agreement(of: found.texts, with: reference.texts) }
    guard let similarity, !reference.images.isEmpty, !reference.texts.isEmpty else { return }
    let foundLogits = found.logits(similarity)
    let referenceLogits = reference.logits(similarity)
    logitsMaximumDifference =
      zip(foundLogits.joined(), referenceLogits.joined()).map { abs(Double($0) - Double($1)) }
      .reduce(0) { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
    let agreeing = zip(foundLogits, referenceLogits).count {
      $0.indexOfMaximum == $1.indexOfMaximum
    }
    topOneAgreement = Double(agreeing) / Double(referenceLogits.count)
  }

  /// The members that every report of a comparison has.
  public var json: JSON.Object {
    var object = JSON.Object()
    if let image {
      object["image_cosine_min"] = JSON(finite: image.cosineMinimum)
      object["image_cosine_mean"] = JSON(finite: image.cosineMean)
      object["image_centred_cosine_min"] = JSON(finite: image.centredCosineMinimum)
      object["image_max_abs"] = JSON(finite: image.maximumDifference)
    }
    if let text {
      object["text_cosine_min"] = JSON(finite: text.cosineMinimum)
      object["text_cosine_mean"] = JSON(finite: text.cosineMean)
      object["text_centred_cosine_min"] = JSON(finite: text.centredCosineMinimum)
      object["text_max_abs"] = JSON(finite: text.maximumDifference)
    }
    if let logitsMaximumDifference {
      object["logits_max_abs"] = JSON(finite: logitsMaximumDifference)
    }
    if let topOneAgreement { object["top1_agreement"] = JSON(finite: topOneAgreement) }
    return object
  }
}

/// The embeddings of probes, L2-normalised.
struct ProbeEmbeddings: Sendable {
  var images: [[Float]] = []
  var texts: [[Float]] = []

  /// One row for each image.
  func logits(_ similarity: Similarity) -> [[Float]] {
    guard let width = images.first?.count else { return [] }
    let all = texts.flatMap(\.self)
    return images.map { similarity.logits(images: $0, texts: all, width: width) }
  }
}

extension Array where Element == Float {
  fileprivate var indexOfMaximum: Int? { indices.max { self[$0] < self[$1] } }
}

extension JSON {
  /// A number, or null for what JSON has no number for.
  public init(finite value: Double) { self = value.isFinite ? .number(value) : .null }
}
