internal import Architecture
internal import ClipPack
internal import Towers

/// What a model answers to the inputs of a published answer, whole tensors by the names of
/// reference outputs: `logits_per_image` [images, texts], `image_embeds` and `text_embeds` [inputs,
/// width],
/// `vision_hidden_states.K` and `text_hidden_states.K` [inputs, positions, width], `vision_pooled`
/// and `text_pooled` [inputs, width].
///
/// A text's hidden states go as far as its end token; in `positions` the shortest text counts.
struct PublishedOutputs {
  /// For each tensor its rows, for each input those of its positions.
  private var tensors: [String: [[[Float]]]] = [:]

  init(_ answer: PublishedAnswers.Answer, _ model: Model) throws {
    var kept = Kept(names: Set(answer.expected.map(\.tensor)))
    var embeddings: [Tower: [[Float]]] = [:]
    if let tower = model.imageTower, !answer.pixelValues.isEmpty {
      let pixels = answer.pixelValues.flatMap {
        [Float](repeating: $0, count: tower.pixelCount)
      }
      embeddings[.image] = try tower.embed(pixels.span) { stage, values in
        kept.take(stage, values, .image, answer.pixelValues.map { _ in nil })
      }.rows
    }
    if let tower = model.textTower, !answer.inputIDs.isEmpty {
      let lengths = answer.inputIDs.map { tower.length(of: $0) }
      embeddings[.text] = try tower.embed(answer.inputIDs) { stage, values in
        kept.take(stage, values, .text, lengths)
      }.rows
    }
    tensors = kept.tensors
    tensors["image_embeds"] = embeddings[.image]?.map { [$0] }
    tensors["text_embeds"] = embeddings[.text]?.map { [$0] }
    guard let images = embeddings[.image], let texts = embeddings[.text],
      let similarity = try model.similarityOfBoth()
    else { return }
    tensors["logits_per_image"] = ProbeEmbeddings(images: images, texts: texts)
      .logits(similarity)?.map { [$0] }
  }

  /// The stages that somebody asks for.
  private struct Kept {
    let names: Set<String>
    var tensors: [String: [[[Float]]]] = [:]

    init(names: Set<String>) { self.names = names }

    /// - Parameter lengths: how many rows of a hidden state each input has; `nil` where all have as
    ///   many.
    mutating func take(
      _ stage: Stage, _ values: Span<Float>, _ tower: Tower, _ lengths: [Int?]
    ) {
      let name = ReferenceOutputs.name(of: stage.name, tower)
      guard names.contains(name) else { return }
      let width = stage.width
      let rows = values.count / width
      var start = 0
      tensors[name] = lengths.map { length in
        let length = rows == lengths.count ? 1 : length ?? rows / lengths.count
        return (0..<length).map { _ in
          defer { start += width }
          return (start..<start + width).map { values[$0] }
        }
      }
    }
  }

  /// Whether a tensor's values are in a row of each position, or of each input.
  private func hasPositions(_ name: String) -> Bool { name.contains("_hidden_states.") }

  /// Empty where the model has no such output.
  func extents(of name: String) -> [Int] {
    guard let inputs = tensors[name], let width = inputs.first?.first?.count else { return [] }
    let positions = hasPositions(name) ? [inputs.map(\.count).min() ?? 0] : []
    return [inputs.count] + positions + [width]
  }

  /// - Precondition: the place lies within `extents`.
  func value(of name: String, at place: [Int]) -> Double {
    guard let inputs = tensors[name] else { return .nan }
    let row = hasPositions(name) ? inputs[place[0]][place[1]] : inputs[place[0]][0]
    return Double(row[place[place.count - 1]])
  }

  func rootMeanSquare(of name: String) -> Double {
    let values = (tensors[name] ?? []).joined().joined()
    let squares = values.reduce((sum: 0.0, count: 0)) {
      ($0.sum + Double($1) * Double($1), $0.count + 1)
    }
    return (squares.sum / Double(max(squares.count, 1))).squareRoot()
  }
}
