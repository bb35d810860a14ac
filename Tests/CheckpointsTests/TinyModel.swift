import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport

/// A CLIP of a few kilobytes with random bits for weights, and writers of it in every scheme.
struct TinyModel {
  var configuration: CLIPConfiguration
  var elementType = ElementType.float32
  /// By canonical name, in canonical orientation.
  private(set) var bytes: [String: [UInt8]] = [:]

  /// Both towers, with sizes that differ wherever they can.
  static let both = CLIPConfiguration(
    image: .init(
      transformer: .init(width: 12, layers: 2, heads: 3, hiddenWidth: 20),
      imageSize: 9, patchSize: 4),
    text: .init(
      transformer: .init(width: 8, layers: 3, heads: 2, hiddenWidth: 10),
      vocabularySize: 11, positions: 7, pooling: .largestID),
    projectionWidth: 6)

  /// One whose heads are 64 wide, as inference assumes.
  static let published = CLIPConfiguration(
    image: .init(
      transformer: .init(width: 128, layers: 1, heads: 2, hiddenWidth: 32),
      imageSize: 8, patchSize: 4),
    text: .init(
      transformer: .init(width: 64, layers: 2, heads: 1, hiddenWidth: 16),
      vocabularySize: 11, positions: 7, pooling: .largestID),
    projectionWidth: 6)

  init(_ configuration: CLIPConfiguration = Self.both, _ elementType: ElementType = .float32) {
    self.configuration = configuration
    self.elementType = elementType
    var random = SplitMix64(seed: 7)
    for parameter in Self.parameters(configuration) {
      let count = parameter.shape.count * elementType.bits / 8
      bytes[parameter.name] = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
  }

  /// The tensors of a configuration whose network is known to fit together.
  private static func parameters(_ configuration: CLIPConfiguration) -> [Parameter] {
    guard let graph = try? configuration.graph() else {
      preconditionFailure("no network of \(configuration)")
    }
    return graph.parameters
  }

  /// A tensor as it stands in a file.
  struct Stored {
    var name: String
    var type: ElementType
    var shape: Shape
    var bytes: [UInt8]
  }

  /// With transformers' names.
  func transformers(prefix: String = "") -> [Stored] {
    Self.parameters(configuration).map { parameter in
      Stored(
        name: prefix + parameter.name, type: elementType, shape: parameter.shape,
        bytes: bytes[parameter.name] ?? [])
    }
  }

  /// With open_clip's names, written out here once more: FACTS, not the code under test.
  func openCLIP(text: String = "") -> [Stored] {
    var list: [Stored] = []
    for stored in transformers() {
      if stored.name.contains("k_proj") || stored.name.contains("v_proj") { continue }
      list.append(openCLIP(stored, text))
    }
    return list
  }

  private func openCLIP(_ stored: Stored, _ text: String) -> Stored {
    var result = stored
    let isImage = stored.name.hasPrefix("vis")
    let parts = stored.name.split(separator: ".").map(String.init)
    let kind = parts[parts.count - 1]
    let tower = isImage ? "visual." : text
    switch stored.name {
    case "logit_scale": break
    case "visual_projection.weight": result = transposed(stored, "visual.proj")
    case "text_projection.weight": result = transposed(stored, text + "text_projection")
    case _ where parts.contains("token_embedding"): result.name = text + "token_embedding.weight"
    case _ where parts.contains("position_embedding"): result.name = tower + "positional_embedding"
    case _ where parts.contains("class_embedding"): result.name = "visual.class_embedding"
    case _ where parts.contains("patch_embedding"): result.name = "visual.conv1.weight"
    case _ where parts.contains("final_layer_norm"): result.name = text + "ln_final.\(kind)"
    case _ where parts.contains("pre_layrnorm"): result.name = "visual.ln_pre.\(kind)"
    case _ where parts.contains("post_layernorm"): result.name = "visual.ln_post.\(kind)"
    case _ where parts.contains("q_proj"):
      let rest = ["k_proj", "v_proj"].map { name in
        bytes[stored.name.replacing("q_proj", with: name)] ?? []
      }
      result = Stored(
        name: tower + "transformer.resblocks.\(parts[3]).attn.in_proj_\(kind)", type: stored.type,
        shape: Shape([stored.shape.extents[0] * 3] + stored.shape.extents.dropFirst()) ?? [],
        bytes: stored.bytes + rest[0] + rest[1])
    default:
      let inner = [
        "layer_norm1": "ln_1", "layer_norm2": "ln_2", "fc1": "mlp.c_fc", "fc2": "mlp.c_proj",
        "out_proj": "attn.out_proj",
      ]
      let module = inner[parts[parts.count - 2]] ?? "?"
      result.name = tower + "transformer.resblocks.\(parts[3]).\(module).\(kind)"
    }
    return result
  }

  private func transposed(_ stored: Stored, _ name: String) -> Stored {
    let (rows, columns) = (stored.shape.extents[0], stored.shape.extents[1])
    let size = stored.type.bits / 8
    var result = stored
    result.name = name
    result.shape = [columns, rows]
    for row in 0..<rows {
      for column in 0..<columns {
        for byte in 0..<size {
          result.bytes[(column * rows + row) * size + byte] =
            stored.bytes[(row * columns + column) * size + byte]
        }
      }
    }
    return result
  }

  static func write(_ tensors: [Stored], _ path: FilePath) throws {
    var writer = try SafetensorsWriter(
      replacing: path, tensors: tensors.map { .init($0.name, $0.type, $0.shape) })
    for tensor in tensors { try unsafe writer.append(tensor.bytes.span.bytes) }
    try writer.commit()
  }

  /// What a checkpoint must answer: whether every canonical tensor is this model's.
  func matches(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.graph.parameters.allSatisfy { parameter in
      let tensor = checkpoint.tensor(parameter.name)
      let found = unsafe tensor.buffer.bytes.withUnsafeBytes { unsafe Array($0) }
      return tensor.shape == parameter.shape && tensor.elementType == elementType
        && found == bytes[parameter.name]
    }
  }
}

extension TemporaryFolder {
  @discardableResult
  func write(_ json: JSON, _ name: String) throws -> FilePath {
    try write(Array(json.indented.utf8), name)
  }
}
