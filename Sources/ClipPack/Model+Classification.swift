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
    let pictures = try embed(images: images).flatMap(\.self)
    let (probabilities, cosines) = try scores(of: pictures, labels: labels, template: template)
    return images.indices.map { image in
      labels.enumerated().map { label, text in
        let place = image * labels.count + label
        return Classification(
          label: text, probability: probabilities[place], cosine: cosines[place])
      }.sorted { $0.cosine > $1.cosine }
    }
  }

  /// How well each label fits each picture, both `[pictures, labels]`.
  ///
  /// - Parameter pictures: their embeddings, `[pictures, width]`.
  package func scores(
    of pictures: [Float], labels: [String], template: String
  ) throws -> (probabilities: [Float], cosines: [Float]) {
    let similarity = try similarity()
    let texts = try embed(texts: labels.map { template.replacing("{}", with: $0) })
      .flatMap(\.self)
    let width = graph.width
    return (
      similarity.probabilities(images: pictures, texts: texts, width: width),
      Similarity.cosines(pictures, texts, width: width)
    )
  }
}
