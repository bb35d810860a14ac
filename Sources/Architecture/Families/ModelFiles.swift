public import Bytes
public import Tensors

/// What a checkpoint's files say of its model, for families to recognise themselves in.
public struct ModelFiles: Sendable {
  /// The tensors that the files hold, by their own names.
  public var shapes: [String: Shape]
  /// `config.json`
  public var transformers: JSON?
  /// `open_clip_config.json`
  public var openCLIP: JSON?
  /// The id that `tokenizer_config.json` pads with.
  public var padding: Int?
  /// The files of sentence-transformers by name, as `TextEncoderConfiguration` reads them; `nil`
  /// for another library's folder.
  public var sentenceTransformers: JSON?
  /// The activation that was given because no file says it.
  public var activation: CLIPConfiguration.Activation?

  public init(
    shapes: [String: Shape], transformers: JSON?, openCLIP: JSON?, padding: Int? = nil
  ) {
    self.shapes = shapes
    self.transformers = transformers
    self.openCLIP = openCLIP
    self.padding = padding
  }

  /// What stands before a name that ends so, the shortest where there are several: empty, or a
  /// prefix with its full stop.
  ///
  /// - Parameter allowed: which prefixes count.
  func prefix(
    before ending: String, where allowed: (String) -> Bool = { _ in true }
  ) -> String? {
    shapes.keys.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
      .filter { ($0.isEmpty || $0.hasSuffix(".")) && allowed($0) }
      .min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }

  /// What stands before a part of names that ends in a full stop, `visual.` for example: the
  /// shortest where there are several.
  func prefix(beforePart part: String) -> String? {
    shapes.keys.compactMap { name -> String? in
      if name.hasPrefix(part) { return "" }
      return name.firstRange(of: "." + part).map { String(name[...$0.lowerBound]) }
    }.min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }
}

/// A model that a family found in a checkpoint.
public struct RecognisedModel: Sendable {
  public var family: any Family
  /// Where each tensor of the network stands, by its name there.
  public var locations: [String: TensorLocation]
  /// The file that says the architecture, for messages.
  public var source: String
  /// Whether pictures are prepared in open_clip's manner where both are described.
  public var isOpenCLIP: Bool
  /// How pictures are prepared where no file says it.
  public var preprocessing: Preprocessing?
  /// What no file says and was assumed, a sentence each without a full stop.
  public var assumptions: [String]
  /// The values of those tensors of the network that no file holds, in row-major order.
  public var constants: [String: [Float]] = [:]
  /// What the names of tensors begin with that are no part of the model; any other tensor without a
  /// use is refused.
  public var leftOut: [String] = []
}
