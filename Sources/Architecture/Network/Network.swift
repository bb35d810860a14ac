/// What a model computes: two towers, each a small graph of operations, and how cosines become
/// scores.
///
/// It says everything that the forward pass needs besides the values of its tensors. Specified in
/// `Formats/network.md`; a pack carries it as section `network`.
public struct Network: Equatable, Sendable {
  /// `nil` for a text-only model.
  public var image: TowerNetwork?
  /// `nil` for an image-only model.
  public var text: TowerNetwork?
  /// `nil` without both towers.
  public var scores: Scores?

  public init(image: TowerNetwork?, text: TowerNetwork?, scores: Scores?) {
    self.image = image
    self.text = text
    self.scores = scores
  }

  /// The tower of a kind, where the model has it.
  public subscript(tower: Tower) -> TowerNetwork? { tower == .image ? image : text }

  /// How cosines become scores: logits are `exp(scale) · cosine + bias`.
  public struct Scores: Equatable, Sendable {
    public enum Rule: String, CaseIterable, Sendable {
      /// The texts of an image share a probability of 1.
      case softmax
      /// Each pair has a probability of its own.
      case sigmoid
    }

    public var rule: Rule
    /// The tensor that holds the logarithm of the factor, one element.
    public var scale: String
    /// The tensor that is added to logits, one element.
    public var bias: String?

    public init(_ rule: Rule, scale: String, bias: String? = nil) {
      self.rule = rule
      self.scale = scale
      self.bias = bias
    }
  }
}

/// One of the two halves of a model.
public enum Tower: String, CaseIterable, Sendable {
  case image, text
}
