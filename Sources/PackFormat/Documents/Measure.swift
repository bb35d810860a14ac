/// A number that says how near a pack's embeddings are to its original's, under its key in JSON.
///
/// Specification: `Formats/clippack.md`, section 7.3.
public enum Measure: String, CaseIterable, Sendable {
  case imageCosineMinimum = "image_cosine_min"
  case imageCosineTenth = "image_cosine_p10"
  case imageCosineMedian = "image_cosine_p50"
  case imageCosineMean = "image_cosine_mean"
  case imageCentredCosineMinimum = "image_centred_cosine_min"
  case imageCentredCosineMean = "image_centred_cosine_mean"
  case imageMaximumDifference = "image_max_abs"
  case textCosineMinimum = "text_cosine_min"
  case textCosineTenth = "text_cosine_p10"
  case textCosineMedian = "text_cosine_p50"
  case textCosineMean = "text_cosine_mean"
  case textCentredCosineMinimum = "text_centred_cosine_min"
  case textCentredCosineMean = "text_centred_cosine_mean"
  case textMaximumDifference = "text_max_abs"
  case logitsMaximumDifference = "logits_max_abs"
  case logitsMeanDifference = "logits_mean_abs"
  case topOne = "top1_agreement"
  case topFive = "top5_agreement"
  case rankMinimum = "rank_correlation_min"
  case rankMean = "rank_correlation_mean"
  case indexDepth = "index_depth"
  case originalIndex = "index_kept_old"
  case convertedIndex = "index_kept_new"

  /// What it is called where people read it.
  public var name: String {
    switch self {
    case .imageCosineMinimum: "image cosine, lowest"
    case .imageCosineTenth: "image cosine, lowest tenth"
    case .imageCosineMedian: "image cosine, median"
    case .imageCosineMean: "image cosine, mean"
    case .imageCentredCosineMinimum: "image cosine centred, lowest"
    case .imageCentredCosineMean: "image cosine centred, mean"
    case .imageMaximumDifference: "image difference, largest"
    case .textCosineMinimum: "text cosine, lowest"
    case .textCosineTenth: "text cosine, lowest tenth"
    case .textCosineMedian: "text cosine, median"
    case .textCosineMean: "text cosine, mean"
    case .textCentredCosineMinimum: "text cosine centred, lowest"
    case .textCentredCosineMean: "text cosine centred, mean"
    case .textMaximumDifference: "text difference, largest"
    case .logitsMaximumDifference: "logit difference, largest"
    case .logitsMeanDifference: "logit difference, mean"
    case .topOne: "best text"
    case .topFive: "five best"
    case .rankMinimum: "rank correlation, lowest"
    case .rankMean: "rank correlation, mean"
    case .indexDepth: "depth of recall"
    case .originalIndex: "recall, original index"
    case .convertedIndex: "recall, converted index"
    }
  }

  /// How far a measure may be worse on another machine than it was recorded.
  public enum Tolerance: Equatable, Sendable {
    /// An error: larger by a factor that the kind of computation has, and by what float32 sums err
    /// anyway.
    case error(Double)
    /// A cosine: what it lacks to 1 is an error.
    case cosine(Double)
    /// A share of the pictures, whose best texts change places where two fit nearly as well.
    case pictures(Double)
    /// Lower by as much, because neighbours that are nearly as near change places.
    case fall(Double)
    /// Not compared.
    case unbounded
  }

  public var tolerance: Tolerance {
    switch self {
    case .imageCosineMinimum, .imageCosineTenth, .imageCosineMedian, .imageCosineMean,
      .textCosineMinimum, .textCosineTenth, .textCosineMedian, .textCosineMean:
      .cosine(1e-6)
    // The mean that is subtracted from both carries errors of its own.
    case .imageCentredCosineMinimum, .imageCentredCosineMean, .textCentredCosineMinimum,
      .textCentredCosineMean:
      .cosine(1e-5)
    case .imageMaximumDifference, .textMaximumDifference: .error(1e-5)
    // Cosines times a scale of 100.
    case .logitsMaximumDifference, .logitsMeanDifference: .error(1e-3)
    // One, and what rounding the share may take.
    case .topOne, .topFive: .pictures(1.001)
    case .rankMinimum, .rankMean: .fall(0.05)
    case .originalIndex, .convertedIndex: .fall(0.1)
    case .indexDepth: .unbounded
    }
  }

  /// Those for which 1 is perfect, and which are no mean of others.
  static let shares: [Measure] = [
    .imageCosineMinimum, .imageCentredCosineMinimum, .textCosineMinimum,
    .textCentredCosineMinimum, .topOne, .topFive, .rankMinimum, .originalIndex, .convertedIndex,
  ]
}
