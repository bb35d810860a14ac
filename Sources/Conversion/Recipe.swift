internal import Architecture
public import Bytes

/// How weights are to be coded. With the source it determines a pack's content, bit for bit.
public struct Recipe: Equatable, Sendable {
  public var target: Target
  public var towers: Towers

  public init(target: Target, towers: Towers = .both) {
    self.target = target
    self.towers = towers
  }

  public enum Target: String, CaseIterable, Sendable {
    /// Every value as it is, each tensor in the narrowest float type that carries it exactly.
    case lossless
    /// Matrices and tables rounded to float16.
    case f16
    /// Matrices and tables rounded to bfloat16.
    case bf16
    /// Matrices and tables on a uniform grid of int8 codes, one step a row.
    case int8
  }

  public enum Towers: String, CaseIterable, Sendable {
    case both, image, text

    func contains(_ tower: Tower) -> Bool { self == .both || rawValue == tower.rawValue }
  }

  /// The section `recipe` of a pack.
  public var json: JSON {
    ["target": .string(target.rawValue), "towers": .string(towers.rawValue)]
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
