internal import Architecture
public import Bytes

/// How weights are to be coded. With the source it determines a pack's content, bit for bit.
public struct Recipe: Equatable, Sendable {
  public var target: Target
  public var towers: Towers
  /// What was asked for instead of a type; the target is `int8` then.
  public var rate: Rate?
  /// Whether a tensor with NaN or infinite values is carried as it is where others are rounded;
  /// refused otherwise.
  public var allowsNonFinite = false
  /// The step of each tensor on a grid, by name; the finest that int8 codes allow where there is
  /// none. A conversion finds them; a rebuild takes them from the pack.
  var steps: [String: StepExponent] = [:]

  public init(target: Target, towers: Towers = .both, rate: Rate? = nil) {
    self.target = target
    self.towers = towers
    self.rate = rate
  }

  func step(of tensor: String) -> Float? { steps[tensor]?.step }

  public enum Target: String, CaseIterable, Sendable {
    /// Every value as it is, each tensor in the narrowest float type that carries it exactly.
    case lossless
    /// Matrices and tables rounded to float16.
    case f16
    /// Matrices and tables rounded to bfloat16.
    case bf16
    /// Matrices and tables on a uniform grid, its steps shared out by what the embeddings feel.
    case int8
  }

  public enum Towers: String, CaseIterable, Sendable {
    case both, image, text

    func contains(_ tower: Tower) -> Bool { self == .both || rawValue == tower.rawValue }
  }

  /// The section `recipe` of a pack.
  public var json: JSON {
    var object: JSON.Object = [
      "target": .string(target.rawValue), "towers": .string(towers.rawValue),
    ]
    object["rate"] = rate?.json
    if allowsNonFinite { object["allow_non_finite"] = true }
    if !steps.isEmpty {
      object["steps"] = .object(
        JSON.Object(steps.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value.value)) }))
    }
    return .object(object)
  }

  public init(decoding json: JSON) throws(FormatError) {
    guard let target = json["target"]?.string.flatMap(Target.init) else {
      throw FormatError(
        .unsupported,
        "recipe.target is \(json["target"]?.description ?? "missing"), known are "
          + Target.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard let towers = json["towers"]?.string.flatMap(Towers.init) else {
      throw FormatError(
        .unsupported,
        "recipe.towers is \(json["towers"]?.description ?? "missing"), known are "
          + Towers.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.init(target: target, towers: towers)
    rate = try json["rate"].map { json throws(FormatError) in try Rate(decoding: json) }
    allowsNonFinite = json["allow_non_finite"]?.bool ?? false
    guard let steps = json["steps"]?.object else { return }
    for name in steps.keys {
      guard let value = steps[name]?.int, StepExponent.allowed.contains(value) else {
        throw FormatError(
          .invalidField,
          "recipe.steps has \(steps[name]?.excerpt ?? "nothing"), whole numbers from "
            + "\(StepExponent.allowed.lowerBound) to \(StepExponent.allowed.upperBound) are allowed",
          tensor: name)
      }
      self.steps[name] = StepExponent(value)
    }
  }
}

extension Configuration {
  /// The model that is left when only some towers are taken.
  func taking(_ towers: Recipe.Towers) throws -> Configuration {
    let taken = Configuration(
      image: towers.contains(.image) ? image : nil, text: towers.contains(.text) ? text : nil,
      projectionWidth: projectionWidth)
    guard taken.image != nil || taken.text != nil else {
      throw Refusal("the checkpoint has no \(towers.rawValue) tower")
    }
    return taken
  }
}

/// Why a request cannot be met, in one clause.
public struct Refusal: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
