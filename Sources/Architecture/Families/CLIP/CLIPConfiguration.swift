/// What a CLIP is made of: everything that the forward pass needs besides weights.
public struct CLIPConfiguration: Equatable, Sendable {
  /// `nil` for a text-only model.
  public var image: Image?
  /// `nil` for an image-only model.
  public var text: Text?
  /// The width of the shared space that both towers project into.
  public var projectionWidth: Int
  /// Whether the pooled state is projected. A tower by itself may be without; then its pooled state
  /// is the embedding, in a space of its own.
  public var hasProjection = true

  /// Whose words describe it.
  public var edition = Edition.openAI

  public enum Edition: Sendable {
    /// CLIP's own.
    case openAI
    /// MetaCLIP 2's: the same towers, for texts of all languages. An end token of 2 means the id 2.
    case metaCLIP2
  }

  public init(image: Image?, text: Text?, projectionWidth: Int) {
    self.image = image
    self.text = text
    self.projectionWidth = projectionWidth
  }

  /// The stack of residual blocks that both towers share.
  public struct Transformer: Equatable, Sendable {
    public var width: Int
    public var layers: Int
    /// Divides `width`.
    public var heads: Int
    /// The width between the two matrices of the multilayer perceptron.
    public var hiddenWidth: Int
    public var activation: Activation
    public var layerNormEpsilon: Float

    public init(
      width: Int, layers: Int, heads: Int, hiddenWidth: Int, activation: Activation = .quickGELU,
      layerNormEpsilon: Float = 1e-5
    ) {
      self.width = width
      self.layers = layers
      self.heads = heads
      self.hiddenWidth = hiddenWidth
      self.activation = activation
      self.layerNormEpsilon = layerNormEpsilon
    }
  }

  public struct Image: Equatable, Sendable {
    public var transformer: Transformer
    /// Height and width of the input in pixels.
    public var imageSize: Int
    public var patchSize: Int
    public var channels: Int

    public init(transformer: Transformer, imageSize: Int, patchSize: Int, channels: Int = 3) {
      self.transformer = transformer
      self.imageSize = imageSize
      self.patchSize = patchSize
      self.channels = channels
    }

    /// Patches along one edge; pixels beyond the last whole patch are not looked at.
    public var patchesPerEdge: Int { imageSize / patchSize }
    /// Patches and the class token before them.
    public var positions: Int { patchesPerEdge * patchesPerEdge + 1 }
  }

  public struct Text: Equatable, Sendable {
    public var transformer: Transformer
    public var vocabularySize: Int
    /// The longest sequence, start and end token included.
    public var positions: Int
    public var pooling: Pooling

    public init(transformer: Transformer, vocabularySize: Int, positions: Int, pooling: Pooling) {
      self.transformer = transformer
      self.vocabularySize = vocabularySize
      self.positions = positions
      self.pooling = pooling
    }
  }

  public enum Activation: String, Sendable, CaseIterable {
    /// x · σ(1.702 x)
    case quickGELU = "quick_gelu"
    /// x · Φ(x), exact
    case gelu

    /// What is said of one that was given.
    public var note: String { "the activation is \(rawValue), as was given; no file says it" }
  }

  /// Which position of the text tower's output stands for the whole text.
  public enum Pooling: Equatable, Sendable {
    /// The first occurrence of the largest id: transformers' rule for the legacy `eos_token_id` 2.
    case largestID
    /// The first occurrence of this id; the first position where there is none.
    case first(Int)
  }
}
