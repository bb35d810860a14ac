extension Conversion {
  /// How far a conversion is; shares lie between 0 and 1.
  public enum Progress: Sendable {
    /// The share of tensors whose sensitivity is known.
    case measuring(Double)
    /// The share of matrices that have been rounded for their layers' inputs.
    case calibrating(Double)
    /// The share of weights that have been coded.
    case coding(Double)
    case runningOriginal
    case runningPack
    case finishing
  }
}
