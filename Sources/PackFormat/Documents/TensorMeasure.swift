public import Bytes

/// What coding made of one tensor.
public struct TensorMeasure: Equatable, Sendable {
  public var name: String
  /// Of each element in compact storage: what they are worth, whatever the storage.
  public var bits: Double
  /// The power of the values over that of their errors, in decibels; `nil` where nothing is lost,
  /// and where it was not measured.
  public var signalToNoise: Double?

  public init(name: String, bits: Double, signalToNoise: Double?) {
    self.name = name
    self.bits = bits
    self.signalToNoise = signalToNoise
  }

  public var json: JSON {
    [
      "name": .string(name), "bits": JSON(finite: bits),
      "snr_db": signalToNoise.map { JSON(finite: $0) } ?? .null,
    ]
  }

  /// - Throws: `FormatError` for one without name or bits.
  public init(parsing json: JSON) throws(FormatError) {
    guard let name = json["name"]?.string, let bits = json["bits"]?.double else {
      throw FormatError(.invalidField, "\(json.excerpt) lacks name or bits")
    }
    self.init(
      name: name, bits: bits, signalToNoise: try json.member("snr_db", "a number", \.double))
  }
}
