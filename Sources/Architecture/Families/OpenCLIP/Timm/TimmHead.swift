internal import Bytes

/// What projects timm's pooled features into the shared space.
///
/// Source: `timm_model.py` of open_clip 3.3.
enum TimmHead: Equatable {
  /// The features are the embedding.
  case none
  /// A matrix behind the trunk.
  case linear(hasBias: Bool)
  /// Two matrices behind the trunk, the first one twice as wide as the shared space.
  case perceptron(hasBias: Bool)
  /// The trunk's own classifier.
  case classifier

  init(_ source: TowerSource) throws(FormatError) {
    let fields = source.fields
    let hasBias = try fields.flag("timm_proj_bias", default: false)
    guard let json = fields.object["timm_proj"] else {
      self = .linear(hasBias: hasBias)
      return
    }
    switch json {
    case .null, "": self = .classifier
    case "linear": self = .linear(hasBias: hasBias)
    case "mlp": self = .perceptron(hasBias: hasBias)
    case "none": self = .none
    default:
      throw fields.unsupported("timm_proj", #"one of "", "linear", "mlp", "none""#)
    }
  }

  func write(to object: inout JSON.Object) {
    switch self {
    case .none: object["timm_proj"] = "none"
    case .classifier: object["timm_proj"] = ""
    case .linear(let hasBias):
      object["timm_proj"] = "linear"
      if hasBias { object["timm_proj_bias"] = true }
    case .perceptron(let hasBias):
      object["timm_proj"] = "mlp"
      if hasBias { object["timm_proj_bias"] = true }
    }
  }

  /// From the row `pooled` to the row `output`.
  ///
  /// - Parameters:
  ///   - width: of the shared space.
  ///   - classifier: the module that is the trunk's own.
  func steps(to width: Int, classifier: String) -> [TowerNetwork.Item] {
    switch self {
    case .none: []
    case .linear(let hasBias):
      [
        .step(
          .linear(
            "pooled", to: "e", width: width, "head.proj", hasBias: hasBias, stage: "projected"))
      ]
    case .perceptron(let hasBias):
      [
        .step(
          .linear("pooled", to: "eh", width: 2 * width, "head.mlp.fc1", activation: .gelu)),
        .step(
          .linear(
            "eh", to: "e", width: width, "head.mlp.fc2", hasBias: hasBias, stage: "projected")),
      ]
    case .classifier:
      [.step(.linear("pooled", to: "e", width: width, classifier, stage: "projected"))]
    }
  }

  /// The name of the tower's output.
  var output: String { self == .none ? "pooled" : "e" }
}
