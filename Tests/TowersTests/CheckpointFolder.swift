import Architecture
import Bytes
import SystemPackage
import Tensors
import Towers

/// The weights of a checkpoint in transformers' names, read just well enough for these tests.
struct CheckpointFolder: Weights {
  let configuration: CLIPConfiguration
  private let tensors: [String: Tensor]

  init(_ folder: FilePath) throws {
    var tensors: [String: Tensor] = [:]
    for name in try Folder.names(in: folder)
    where name.hasSuffix(".safetensors") && name != "reference.safetensors" {
      try tensors.merge(Self.tensors(in: folder.appending(name))) { first, _ in first }
    }
    self.tensors = tensors
    configuration = try Self.configuration(folder.appending("config.json"))
  }

  func matrix(_ name: String) throws -> Matrix { try Matrix(try tensor(name)) }

  func vector(_ name: String) throws -> [Float] {
    let tensor = try tensor(name)
    let flat = Tensor(tensor.elementType, [1, tensor.shape.count], tensor.buffer)
    var floats = [Float](repeating: 0, count: tensor.shape.count)
    var span = floats.mutableSpan
    try Matrix(flat).row(0, into: &span)
    return floats
  }

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw FormatError(.inconsistent, "there is no such tensor", tensor: name)
    }
    return tensor
  }

  /// All tensors of one safetensors file, in place.
  static func tensors(in path: FilePath) throws -> [String: Tensor] {
    let file = try MappedFile(path)
    let all = Buffer(file, 0..<file.count)
    let headerSize = Int(unsafe all.bytes.unsafeLoadUnaligned(as: UInt64.self))
    let header = Span<UInt8>(_bytes: all.bytes.extracting(8..<8 + headerSize))
    var tensors: [String: Tensor] = [:]
    guard let entries = try JSON(parsing: header).object else { return [:] }
    for name in entries.keys where name != "__metadata__" {
      guard let entry = entries[name], let type = entry["dtype"]?.string.flatMap(ElementType.init),
        let shape = Shape(entry["shape"]?.array?.compactMap(\.int) ?? []),
        let offsets = entry["data_offsets"]?.array?.compactMap(\.int), offsets.count == 2
      else { throw FormatError(.invalidField, "no tensor", tensor: name) }
      let start = 8 + headerSize
      tensors[name] = Tensor(type, shape, all.slice(start + offsets[0]..<start + offsets[1]))
    }
    return tensors
  }

  private static func configuration(_ path: FilePath) throws -> CLIPConfiguration {
    let file = try MappedFile(path)
    let json = try JSON(parsing: Span<UInt8>(_bytes: file.bytes))
    let type = json["model_type"]?.string
    let vision = type == "clip_vision_model" ? json : json["vision_config"]
    let text = type == "clip_text_model" ? json : json["text_config"]
    return CLIPConfiguration(
      image: vision.map {
        CLIPConfiguration.Image(
          transformer: transformer($0, width: 768, heads: 12, hidden: 3072),
          imageSize: $0["image_size"]?.int ?? 224, patchSize: $0["patch_size"]?.int ?? 32)
      },
      text: text.map {
        let end = $0["eos_token_id"]?.int ?? 49407
        return CLIPConfiguration.Text(
          transformer: transformer($0, width: 512, heads: 8, hidden: 2048),
          vocabularySize: $0["vocab_size"]?.int ?? 49408,
          positions: $0["max_position_embeddings"]?.int ?? 77,
          pooling: end == 2 ? .largestID : .first(end))
      },
      projectionWidth: json["projection_dim"]?.int ?? 512)
  }

  private static func transformer(
    _ json: JSON, width: Int, heads: Int, hidden: Int
  ) -> CLIPConfiguration.Transformer {
    CLIPConfiguration.Transformer(
      width: json["hidden_size"]?.int ?? width, layers: json["num_hidden_layers"]?.int ?? 12,
      heads: json["num_attention_heads"]?.int ?? heads,
      hiddenWidth: json["intermediate_size"]?.int ?? hidden,
      activation: json["hidden_act"]?.string.flatMap(CLIPConfiguration.Activation.init)
        ?? .quickGELU,
      layerNormEpsilon: Float(json["layer_norm_eps"]?.double ?? 1e-5))
  }
}
