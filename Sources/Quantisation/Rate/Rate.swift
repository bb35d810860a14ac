internal import Bytes

/// What a user asks of a quantised pack, instead of naming a type.
public enum Rate: Equatable, Sendable {
  /// So many bits a weight, stored, all of the model's tensors together.
  case bits(Double)
  /// The whole pack in at most so many bytes.
  case maxBytes(Int)
  /// The fewest bytes whose lowest cosine over all probes, in either tower, is at least this.
  case minCosine(Double)

  /// What `--bits` may be.
  public static let bitsAllowed = 2.0...9.0

  var json: JSON {
    switch self {
    case .bits(let bits): ["bits": .number(bits)]
    case .maxBytes(let count): ["max_bytes": .integer(count)]
    case .minCosine(let cosine): ["min_cosine": .number(cosine)]
    }
  }

  init(decoding json: JSON) throws(FormatError) {
    if let bits = json["bits"]?.double {
      self = .bits(bits)
    } else if let count = json["max_bytes"]?.int {
      self = .maxBytes(count)
    } else if let cosine = json["min_cosine"]?.double {
      self = .minCosine(cosine)
    } else {
      throw FormatError(
        .unsupported,
        "recipe.rate is \(json.excerpt), known are bits, max_bytes and min_cosine")
    }
  }
}
