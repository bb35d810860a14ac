public import Bytes

/// A kind of model: what files say of it, and the network that follows.
///
/// Each family is one folder or file beside this one. It builds the network; nothing else knows it.
public protocol Family: Sendable {
  /// Finds a model of this family in a checkpoint.
  ///
  /// - Returns: `nil` where the names of the tensors show another family.
  /// - Throws: `FormatError` where they show this one, and something does not fit.
  static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel?

  /// Reads the section `configuration` of a pack.
  ///
  /// - Returns: `nil` where it names another family.
  static func read(_ json: JSON) throws(FormatError) -> Self?

  /// What the model computes.
  var network: Network { get }

  /// The configuration with every value explicit, in the words of the library that the model is of.
  var json: JSON { get }

  /// Where tensors of the network stand in files that the family's library loads, by their names in
  /// the network; those that are not among them stand there as they are.
  func locations() throws(FormatError) -> [String: TensorLocation]

  /// Numbers of the network that no file holds, by their names there, in row-major order.
  var constants: [String: [Float]] { get }

  /// The model that is left when only some towers are taken; `nil` where none is left.
  func keeping(_ towers: Set<Tower>) -> (any Family)?
}

extension Family {
  public func locations() throws(FormatError) -> [String: TensorLocation] { [:] }

  public var constants: [String: [Float]] { [:] }

  /// What is left of a configuration by the towers whose weights are there: one tower lies by
  /// itself with the configuration of both.
  ///
  /// - Throws: `FormatError` where it describes none of them.
  func found(image: Bool, text: Bool) throws(FormatError) -> Self {
    let towers = Set(Tower.allCases.filter { $0 == .image ? image : text })
    guard let found = keeping(towers) as? Self else {
      throw FormatError(
        .inconsistent,
        "config.json describes \(network.image == nil ? "a text" : "an image") tower, the "
          + "weights are of the other one")
    }
    return found
  }

  /// The network, with both towers unrolled.
  public func graph() throws(FormatError) -> NetworkGraph { try NetworkGraph(network) }
}

/// All families that this program can build.
public enum Families {
  /// In the order in which they are asked.
  static let all: [any Family.Type] = [
    ComposedConfiguration.self, TextEncoderConfiguration.self, SigLIPConfiguration.self,
    OpenCLIPConfiguration.self, BERTCLIPConfiguration.self, CLIPConfiguration.self,
  ]

  /// Finds the family of a checkpoint; `nil` where none recognises it.
  ///
  /// - Throws: `FormatError` of the family that does.
  public static func recognise(_ files: ModelFiles) throws(FormatError) -> RecognisedModel? {
    for family in all {
      if let model = try family.recognise(files) { return model }
    }
    return nil
  }

  /// The family of the `configuration` section of a pack; `nil` for one that this program does not
  /// know, whose network can be run all the same.
  ///
  /// - Throws: `FormatError` where the section does not say what its family needs.
  public static func read(_ json: JSON) throws(FormatError) -> (any Family)? {
    for family in all {
      if let model = try family.read(json) { return model }
    }
    return nil
  }
}
