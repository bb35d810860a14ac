internal import Architecture
public import SystemPackage
internal import Towers

/// One label's share of a picture.
public struct Classification: Equatable, Sendable {
  public var label: String
  /// Of all labels given, by the softmax over scaled cosines; of this label alone where the model
  /// was trained with sigmoids (SigLIP).
  public var probability: Float
  public var cosine: Float
}

extension Model {
  /// How well each label fits a picture, best first.
  ///
  /// - Parameter template: the sentence that the label stands in, in place of `{}`.
  public func classify(
    _ image: FilePath, labels: [String], template: String = "{}"
  ) throws -> [Classification] {
    try classify(images: [image], labels: labels, template: template)[0]
  }

  /// How well each label fits each picture, best first.
  public func classify(
    images: [FilePath], labels: [String], template: String = "{}"
  ) throws -> [[Classification]] {
    let similarity = try similarity()
    let texts = try embed(texts: labels.map { template.replacing("{}", with: $0) })
    let pictures = try embed(images: images)
    let width = graph.width
    let flatTexts = texts.flatMap(\.self)
    return pictures.map { picture in
      let cosines = Similarity.cosines(picture, flatTexts, width: width)
      let probabilities = similarity.probabilities(images: picture, texts: flatTexts, width: width)
      return labels.indices.map {
        Classification(label: labels[$0], probability: probabilities[$0], cosine: cosines[$0])
      }.sorted { $0.cosine > $1.cosine }
    }
  }
}
