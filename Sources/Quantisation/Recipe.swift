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
  /// What matrices were rounded for, where they were.
  package var calibration: Inputs?
  /// How tensors on a grid are coded, by name; with the finest step that int8 codes allow each row
  /// where nothing is said. A conversion finds them; a rebuild takes them from the pack.
  package var codings: [String: Coding] = [:]

  /// How one tensor is coded.
  package struct Coding: Equatable, Sendable {
    /// `nil` for the finest that int8 codes allow each row.
    var step: StepExponent?
    /// Whether its codes are a path through the trellis.
    var isTrellis = false

    package init(step: StepExponent? = nil, isTrellis: Bool = false) {
      self.step = step
      self.isTrellis = isTrellis
    }
  }

  /// Pictures and texts that matrices were rounded for.
  package struct Inputs: Equatable, Sendable {
    /// Whether this tool made them, so that a rebuild can make them again.
    package var areBuiltIn: Bool
    /// SHA-256 of what the towers took in, in hexadecimal digits.
    package var digest: String

    package init(areBuiltIn: Bool, digest: String) {
      self.areBuiltIn = areBuiltIn
      self.digest = digest
    }

    private static let (builtIn, given) = ("built-in", "given")

    var json: JSON {
      ["inputs": .string(areBuiltIn ? Self.builtIn : Self.given), "digest": .string(digest)]
    }

    init(decoding json: JSON) throws(FormatError) {
      switch json["inputs"]?.string {
      case Self.builtIn: areBuiltIn = true
      case Self.given: areBuiltIn = false
      default:
        throw FormatError(
          .invalidField,
          "recipe.calibration.inputs is \(json["inputs"]?.excerpt ?? "missing"), known are "
            + "\(Self.builtIn) and \(Self.given)")
      }
      guard let digest = json["digest"]?.string, digest.utf8.count == 64 else {
        throw FormatError(
          .invalidField,
          "recipe.calibration.digest is \(json["digest"]?.excerpt ?? "missing"), 64 hexadecimal "
            + "digits are needed")
      }
      self.digest = digest
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
    object["calibration"] = calibration?.json
    let sorted = codings.sorted { $0.key < $1.key }
    guard !sorted.isEmpty else { return .object(object) }
    object["steps"] = .object(
      JSON.Object(
        sorted.compactMap { name, coding in coding.step.map { (name, .integer($0.value)) } }))
    object["trellis"] = .array(sorted.filter(\.value.isTrellis).map { .string($0.key) })
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
    calibration = try json["calibration"].map { json throws(FormatError) in
      try Inputs(decoding: json)
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
