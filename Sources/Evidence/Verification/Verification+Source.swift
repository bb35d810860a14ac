internal import Architecture
internal import Bytes
internal import Checkpoints
public import ClipPack
internal import Kernels
internal import PackFormat
public import SystemPackage
internal import Towers

extension Verification {
  /// Whether a pack is authentic, by comparing its data with the source's, and good, by running the
  /// source and the pack side by side.
  ///
  /// The source's tokenizer and preprocessing make ids and pixels, of built-in probes, of the
  /// verifier's own and of the pack's. A pack that is not authentic is not run.
  ///
  /// - Parameters:
  ///   - images: the verifier's own pictures, besides the others.
  ///   - minimumCosine: `nil` for `defaultFloor`; never the pack's own.
  /// - Throws: `Refusal` for pictures and texts that the model cannot be asked about; `FormatError`
  ///   for a damaged pack.
  public static func against(
    _ original: Original, _ model: Model, images: [FilePath] = [], texts: [String] = [],
    minimumCosine: Double? = nil
  ) throws -> Verification {
    let floor = minimumCosine ?? defaultFloor
    let reference = "the source, run now in float32"
    try Probes.refuseUnusable(model.graph, original.tokenizer, images: images, texts: texts)
    let authenticity = try Authenticity(of: model, from: original)
    guard authenticity.isAuthentic else {
      var verification = Verification(
        ProbeEmbeddings(), ProbeEmbeddings(), floor: floor,
        reference: "the source's data, without running it")
      verification.authenticity = authenticity
      verification.failures = authenticity.differences
      return verification
    }
    let recorded = try Evidence.Recorded(model.pack)
    var notes: [String] = []
    var probes = try Probes.gather(
      graph: model.graph, preprocessing: original.preprocessing, tokenizer: original.tokenizer,
      images: [], texts: [])
    if !images.isEmpty || !texts.isEmpty {
      let own = try Probes.gather(
        graph: model.graph, preprocessing: original.preprocessing, tokenizer: original.tokenizer,
        images: images, texts: texts)
      notes = own.notes
      if !images.isEmpty { probes.append(picturesOf: own) }
      if !texts.isEmpty { probes.append(textsOf: own) }
    }
    var places: (pictures: [Int], texts: [Int]) = ([], [])
    if let recorded {
      places = (
        probes.append(picturesOf: recorded.probes), probes.append(textsOf: recorded.probes)
      )
    }
    let expected = try probes.embeddings(
      of: original.checkpoint, model.graph, original.preprocessing, model.pool, observing: true)
    let found = try probes.embeddings(of: model, observing: true)
    var verification = Verification(
      found, expected, floor: floor, reference: reference, probes: probes, recorded: recorded)
    verification.authenticity = authenticity
    verification.notes = notes
    verification.isOnlyBelowDefaultFloor = minimumCosine == nil && verification.isBelowFloorAlone
    if let recorded {
      guard places.pictures.count == recorded.probes.imageCount else {
        throw Refusal(
          "the evidence has pictures of \(recorded.probes.imageSize)×\(recorded.probes.imageSize) "
            + "pixels, the model takes \(probes.imageSize)×\(probes.imageSize)")
      }
      let failures = recorded.failures(
        found.keeping(places), expected.keeping(places), in: model.compute)
      if !failures.isEmpty { verification.isOnlyBelowDefaultFloor = false }
      verification.failures += failures
    }
    return verification
  }
}

extension Evidence.Recorded {
  /// How far the original's answers may differ between two machines, an element of an embedding.
  private static let tolerance = 1e-4

  /// What is not true of the record, a clause each.
  ///
  /// - Parameters: what the pack and the original answer now to the recorded probes.
  fileprivate func failures(
    _ found: ProbeEmbeddings, _ expected: ProbeEmbeddings, in compute: Compute
  ) -> [String] {
    var failures: [String] = []
    for (tower, mine, now) in [
      ("image", original.images, expected.images), ("text", original.texts, expected.texts),
    ] {
      let difference = largestDifference(mine.joined(), now.joined())
      if !(difference <= Self.tolerance) {
        failures.append(
          "the evidence records other \(tower) embeddings of the original than the source gives: "
            + "the largest difference is \(decimal(difference, 7)), at most "
            + "\(decimal(Self.tolerance, 7)) is allowed")
      }
    }
    guard let reached = reached(in: compute) else { return failures }
    return failures
      + Comparison(found, with: expected).regressions(from: reached.measures, in: compute)
      .map { "the evidence is not true: \($0)" }
  }
}

extension Probes {
  /// Adds the pictures of another set that are not there yet.
  ///
  /// - Returns: where each of the other's pictures stands now.
  @discardableResult
  fileprivate mutating func append(picturesOf other: Probes) -> [Int] {
    let size = 3 * other.imageSize * other.imageSize
    guard size > 0, imageSize == other.imageSize || imageCount == 0 else { return [] }
    imageSize = other.imageSize
    var all = (0..<imageCount).map { Array(levels[$0 * size..<($0 + 1) * size]) }
    let places = (0..<other.imageCount).map { index in
      let picture = Array(other.levels[index * size..<(index + 1) * size])
      if let place = all.firstIndex(of: picture) { return place }
      all.append(picture)
      return all.count - 1
    }
    levels = all.flatMap(\.self)
    return places
  }

  /// Adds the texts of another set that are not there yet.
  ///
  /// - Returns: where each of the other's texts stands now.
  @discardableResult
  fileprivate mutating func append(textsOf other: Probes) -> [Int] {
    other.texts.map { text in
      if let place = texts.firstIndex(of: text) { return place }
      texts.append(text)
      return texts.count - 1
    }
  }
}

extension ProbeEmbeddings {
  /// Those of some probes.
  fileprivate func keeping(_ places: (pictures: [Int], texts: [Int])) -> ProbeEmbeddings {
    var kept = ProbeEmbeddings(
      images: images.isEmpty ? [] : places.pictures.map { images[$0] },
      texts: texts.isEmpty ? [] : places.texts.map { texts[$0] })
    kept.similarity = similarity
    return kept
  }
}
