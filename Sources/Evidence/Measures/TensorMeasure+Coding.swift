package import PackFormat
internal import Platform

extension TensorMeasure {
  /// - Parameter relativeSquaredError: Σ error² over Σ value².
  package init(_ name: String, compactBytes: Int, count: Int, relativeSquaredError: Double?) {
    self.init(
      name: name, bits: 8 * Double(compactBytes) / Double(max(count, 1)),
      signalToNoise: relativeSquaredError.flatMap { $0 > 0 ? -10 * log10($0) : nil })
  }
}
