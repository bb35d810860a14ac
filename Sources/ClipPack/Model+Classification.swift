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
  /// - Parameter templates: the sentences that a label stands in, in place of `{}`, as for
  ///   `embed(labels:templates:)`.
  public func classify(
    _ image: FilePath, labels: [String], templates: [String] = ["{}"]
  ) throws -> [Classification] {
    try classify(images: [image], labels: labels, templates: templates)[0]
  }

  /// How well each label fits each picture, best first.
  public func classify(
    images: [FilePath], labels: [String], templates: [String] = ["{}"]
  ) throws -> [[Classification]] {
    let pictures = try embed(images: images).flatMap(\.self)
    let (probabilities, cosines) = try scores(of: pictures, labels: labels, templates: templates)
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
    of pictures: [Float], labels: [String], templates: [String]
  ) throws -> (probabilities: [Float], cosines: [Float]) {
    let similarity = try similarity()
    let texts = try embed(labels: labels, templates: templates).flatMap(\.self)
    let width = graph.width
    return (
      similarity.probabilities(images: pictures, texts: texts, width: width),
      Similarity.cosines(pictures, texts, width: width)
    )
  }

  /// The embeddings of labels, normalised: one of `graph.width` for each.
  ///
  /// Of several templates, a label's embedding is the mean of the normalised embeddings of its
  /// sentences, normalised again: the prompt ensemble of "Learning Transferable Visual Models From
  /// Natural Language Supervision" (Radford et al. 2021, section 3.1.4).
  ///
  /// - Parameter templates: the sentences that a label stands in, in place of `{}`.
  /// - Precondition: there is a template.
  public func embed(labels: [String], templates: [String]) throws -> [[Float]] {
    precondition(!templates.isEmpty, "no template for \(labels.count) labels")
    let sentences = labels.flatMap { label in
      templates.map { $0.replacing("{}", with: label) }
    }
    let embeddings = try embed(texts: sentences)
    guard templates.count > 1 else { return embeddings }
    return try labels.indices.map { label in
      let own = embeddings[label * templates.count..<(label + 1) * templates.count]
      var sum = [Double](repeating: 0, count: graph.width)
      for embedding in own { for i in sum.indices { sum[i] += Double(embedding[i]) } }
      let mean = sum.map { Float($0 / Double(templates.count)) }
      return try Embeddings(projected: mean, width: graph.width, of: .text).normalised
    }
  }
}
