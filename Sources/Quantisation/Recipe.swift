package import Architecture
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
  /// How tensors on a grid are coded, by name; with the finest step that int8 codes allow each row
  /// where nothing is said. A conversion finds them; a rebuild takes them from the pack.
  package var codings: [String: Coding] = [:]

  /// How one tensor is coded.
  package struct Coding: Equatable, Sendable {
    /// `nil` for the finest that int8 codes allow each row.
    var step: StepExponent?
    /// Whether its codes are a path through the trellis.
    var isTrellis = false
    /// Σ (value − code · step)² of codes that were rounded for what the layer takes in: such codes
    /// follow from floating-point forward passes, whose last bits are a machine's own, so a rebuild
    /// checks their error and not the codes. `nil` for codes that follow from the values alone.
    package var squaredError: Double?

    package init(step: StepExponent? = nil, isTrellis: Bool = false, squaredError: Double? = nil) {
      self.step = step
      self.isTrellis = isTrellis
      self.squaredError = squaredError
    }
  }

  public init(target: Target, towers: Towers = .both, rate: Rate? = nil) {
    self.target = target
    self.towers = towers
    self.rate = rate
  }

  public enum Target: String, CaseIterable, Sendable {
    /// Every value as it is, each tensor in the narrowest float type that carries it exactly.
    case lossless
    /// Matrices and tables rounded to float16.
    case f16
    /// Matrices and tables rounded to bfloat16.
    case bf16
    /// Matrices and tables on a grid: in int8 codes with one step a row, or at the rate asked for.
    case int8
  }

  public enum Towers: String, CaseIterable, Sendable {
    case both, image, text

    package func contains(_ tower: Tower) -> Bool { self == .both || rawValue == tower.rawValue }
  }

  /// The section `recipe` of a pack.
  public var json: JSON {
    var object: JSON.Object = [
      "target": .string(target.rawValue), "towers": .string(towers.rawValue),
    ]
    object["rate"] = rate?.json
    if allowsNonFinite { object["allow_non_finite"] = true }
    let sorted = codings.sorted { $0.key < $1.key }
    guard !sorted.isEmpty else { return .object(object) }
    object["steps"] = .object(
      JSON.Object(
        sorted.compactMap { name, coding in coding.step.map { (name, .integer($0.value)) } }))
    object["trellis"] = .array(sorted.filter(\.value.isTrellis).map { .string($0.key) })
    let rounded = sorted.compactMap { name, coding in
      coding.squaredError.map { (name, JSON(finite: $0)) }
    }
    if !rounded.isEmpty { object["squared_errors"] = .object(JSON.Object(rounded)) }
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
    let errors = json["squared_errors"]?.object ?? JSON.Object()
    for name in errors.keys {
      guard let error = errors[name]?.double, error >= 0, error.isFinite else {
        throw FormatError(
          .invalidField,
          "recipe.squared_errors has \(errors[name]?.excerpt ?? "nothing"), numbers from 0 are "
            + "allowed", tensor: name)
      }
      codings[name] = Coding(squaredError: error)
    }
    guard let steps = json["steps"]?.object else { return }
    let trellis = Set((json["trellis"]?.array ?? []).compactMap(\.string))
    for name in steps.keys {
      guard let value = steps[name]?.int, StepExponent.allowed.contains(value) else {
        throw FormatError(
          .invalidField,
          "recipe.steps has \(steps[name]?.excerpt ?? "nothing"), whole numbers from "
            + "\(StepExponent.allowed.lowerBound) to \(StepExponent.allowed.upperBound) are "
            + "allowed",
          tensor: name)
      }
      codings[name, default: Coding()].step = StepExponent(value)
      codings[name]?.isTrellis = trellis.contains(name)
    }
  }
}
