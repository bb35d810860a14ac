internal import Bytes
internal import Platform

/// What coding made of one tensor.
public struct TensorMeasure: Equatable, Sendable {
  public var name: String
  /// Of each element in compact storage: what they are worth, whatever the storage.
  public var bits: Double
  /// The power of the values over that of their errors, in decibels; `nil` where nothing is lost,
  /// and where it was not measured.
  public var signalToNoise: Double?

  /// - Parameter relativeSquaredError: Σ error² over Σ value².
  package init(_ name: String, compactBytes: Int, count: Int, relativeSquaredError: Double?) {
    self.name = name
    bits = 8 * Double(compactBytes) / Double(max(count, 1))
    signalToNoise = relativeSquaredError.flatMap { $0 > 0 ? -10 * log10($0) : nil }
  }

  var json: JSON {
    [
      "name": .string(name), "bits": JSON(finite: bits),
      "snr_db": signalToNoise.map { JSON(finite: $0) } ?? .null,
    ]
  }

  init?(_ json: JSON) {
    guard let name = json["name"]?.string, let bits = json["bits"]?.double else { return nil }
    self.name = name
    self.bits = bits
    signalToNoise = json["snr_db"]?.double
  }
}
