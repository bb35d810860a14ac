public import Bytes
internal import Tensors

/// A network whose parts were found to fit together, with both towers unrolled.
public struct NetworkGraph: Equatable, Sendable {
  public let network: Network
  public let image: Graph?
  public let text: Graph?
  /// Every tensor of the model, in the order in which the forward pass meets them: the image
  /// tower, the text tower, then what both share.
  public let parameters: [Parameter]

  /// - Throws: `FormatError` with the place, what was found and what is allowed.
  public init(_ network: Network) throws(FormatError) {
    self.network = network
    func graph(_ tower: Tower) throws(FormatError) -> Graph? {
      guard let part = network[tower] else { return nil }
      return try Graph(part, tower)
    }
    (image, text) = (try graph(.image), try graph(.text))
    if let image, let text, image.width != text.width {
      throw FormatError(
        .inconsistent,
        "network: embeddings of images are \(image.width) wide, those of texts \(text.width)")
    }
    guard (network.scores != nil) == (image != nil && text != nil), image != nil || text != nil
    else {
      throw FormatError(.inconsistent, "network: scores belong to models of two towers")
    }
    parameters =
      (image?.parameters ?? []) + (text?.parameters ?? []) + (network.scores?.parameters ?? [])
    var names: Set<String> = []
    for parameter in parameters where !names.insert(parameter.name).inserted {
      throw FormatError(
        .inconsistent, "network: it is used a second time, once is allowed",
        tensor: parameter.name)
    }
  }

  /// The graph of a tower, where the model has it.
  public subscript(tower: Tower) -> Graph? { tower == .image ? image : text }

  /// The columns of an embedding.
  public var width: Int { image?.width ?? text?.width ?? 0 }

  /// Height and width of the image tower's input, where they are equal.
  public var imageSize: Int? {
    guard case .pixels(_, let height, let width)? = image?.input, height == width else {
      return nil
    }
    return height
  }

  /// How many elements all tensors have.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }
}
