import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite("A checkpoint")
struct CheckpointTests {
  let folder = TemporaryFolder()

  @Test(arguments: [ElementType.float32, .float16, .bfloat16], ["", "clip.", "module.model."])
  func `has transformers' names`(type: ElementType, prefix: String) throws {
    let model = TinyModel(type: type)
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(
      model.transformers(prefix: prefix), folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.family as? CLIPConfiguration == model.configuration)
    #expect(model.matches(checkpoint))
    #expect(checkpoint.unused == [])
    #expect(checkpoint.files.map(\.name) == ["model.safetensors"])
    #expect(checkpoint.preprocessing == .clip(imageSize: 9))
    #expect(
      checkpoint.assumptions == [
        "no preprocessor_config.json is beside the weights; pictures are resized, cropped to 9×9 "
          + "and normalised as OpenAI's models need it"
      ])
  }

  @Test(arguments: [ElementType.float32, .float16], ["", "text."])
  func `has open_clip's names`(type: ElementType, text: String) throws {
    var model = TinyModel(type: type)
    try TinyModel.write(
      model.openCLIP(text: text), folder.appending("open_clip_model.safetensors"))
    try folder.write(
      [
        "model_cfg": [
          "embed_dim": 6,
          "vision_cfg": [
            "image_size": 9, "layers": 2, "width": 12, "patch_size": 4, "head_width": 4,
            "mlp_ratio": 1.67,
          ],
          "text_cfg": [
            "context_length": 7, "vocab_size": 11, "width": 8, "heads": 2, "layers": 3,
            "mlp_ratio": 1.25,
          ],
        ],
        "preprocess_cfg": ["interpolation": "bicubic"],
      ], "open_clip_config.json")
    model.configuration.image?.transformer.activation = .gelu
    model.configuration.text?.transformer.activation = .gelu

    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.family as? CLIPConfiguration == model.configuration)
    #expect(model.matches(checkpoint))
    #expect(checkpoint.unused == [])
    #expect(checkpoint.preprocessing?.cropOffset == .round)
    #expect(checkpoint.preprocessing?.alpha == .drop)
    #expect(checkpoint.assumptions == [])
    let key = checkpoint.origins["text_model.encoder.layers.1.self_attn.k_proj.weight"]
    #expect(key?.rows == 8..<16)
    #expect(checkpoint.origins["visual_projection.weight"]?.isTransposed == true)
  }

  /// Long-CLIP's tables: 20 rows of the first count, and those of the second behind them.
  private func longModel(
    second: Shape = [24, 8]
  ) throws -> (model: TinyModel, stored: [TinyModel.Stored]) {
    var configuration = TinyModel.both
    configuration.text?.positions = 24
    let model = TinyModel(configuration)
    var stored = model.openCLIP()
    let place = try #require(stored.firstIndex { $0.name == "positional_embedding" })
    var rest = stored[place]
    rest.name = "positional_embedding_res"
    rest.shape = second
    // What does not count differs.
    stored[place].bytes.replaceSubrange((20 * 32)..., with: repeatElement(7, count: 4 * 32))
    rest.bytes.replaceSubrange(..<(20 * 32), with: repeatElement(9, count: 20 * 32))
    rest.bytes = Array(rest.bytes.prefix(4 * second.count))
    return (model, stored + [rest])
  }

  @Test func `may have the two tables of Long-CLIP`() throws {
    let (model, stored) = try longModel()
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(model.matches(checkpoint))
    #expect(checkpoint.unused.sorted() == ["positional_embedding", "positional_embedding_res"])
    #expect(
      checkpoint.assumptions.contains(
        "positions are those of Long-CLIP: the first 20 rows of one table, the others of a second"))
  }

  @Test func `is refused where the second table is of another shape`() throws {
    let (model, stored) = try longModel(second: [23, 8])
    try folder.write(model.configuration.json, "config.json")
    let path = folder.appending("model.safetensors")
    try TinyModel.write(stored, path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
    #expect(
      error?.description
        == #"\#(path): tensor "positional_embedding_res": is F32 23×8, "#
        + #""positional_embedding" is "#
        + "F32 24×8; two equal tables of more than 20 rows are needed")
  }

  @Test(arguments: Tower.allCases)
  func `may have one tower with its projection`(tower: Tower) throws {
    var model = TinyModel()
    let stored = model.transformers()
    if tower == .image { model.configuration.text = nil } else { model.configuration.image = nil }
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.family as? CLIPConfiguration == model.configuration)
    #expect(model.matches(checkpoint))
    #expect((checkpoint.preprocessing == nil) == (tower == .text))
    #expect(checkpoint.unused.count == stored.count - checkpoint.origins.count)
  }

  @Test func `leaves alone what the model has no use for`() throws {
    let model = TinyModel()
    var stored = model.transformers()
    stored.insert(
      .init(
        name: "text_model.embeddings.position_ids", type: .int64, shape: [1, 1],
        bytes: [UInt8](repeating: 0, count: 8)), at: 3)
    let scale = stored.count - 1
    stored[scale].shape = [1]
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    #expect(checkpoint.unused == ["text_model.embeddings.position_ids"])
    // open_clip can keep its scale as a vector of one.
    #expect(checkpoint.tensor("logit_scale").shape == [])
    #expect(model.matches(checkpoint))
  }

  @Test func `gives tensors again after their memory was let go`() throws {
    let model = TinyModel()
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(model.openCLIP(), folder.appending("model.safetensors"))
    let checkpoint = try Checkpoint(folder.path.string)
    for parameter in checkpoint.graph.parameters { checkpoint.release(parameter.name) }
    #expect(model.matches(checkpoint))
  }

  // MARK: refused

  /// One change to a good checkpoint, and the message without the path before it.
  struct Damage: Sendable, CustomTestStringConvertible {
    var message: String
    var change: @Sendable (inout [TinyModel.Stored], inout JSON) -> Void
    var testDescription: String { message }

    init(
      _ message: String,
      _ change: @escaping @Sendable (inout [TinyModel.Stored], inout JSON) -> Void
    ) {
      self.message = message
      self.change = change
    }

    static func removing(_ name: String, _ message: String) -> Damage {
      Damage(message) { stored, _ in stored.removeAll { $0.name == name } }
    }

    static func setting(_ path: [String], _ value: JSON, _ message: String) -> Damage {
      Damage(message) { _, config in config = config.setting(path[...], value) }
    }
  }

  static let damages = [
    Damage.removing(
      "visual_projection.weight",
      #"tensor "visual_projection.weight": is missing, vision_config.hidden_size 12, "#
        + "projection_dim 6 in config.json asks for it"),
    Damage.removing(
      "logit_scale",
      #"tensor "logit_scale": is missing, a model with both towers in config.json asks for it"#),
    Damage.setting(
      ["text_config", "num_hidden_layers"], 2,
      #"tensor "text_model.encoder.layers.2.layer_norm1.weight": 3 layers are here, "#
        + "text_config.num_hidden_layers is 2 in config.json"),
    Damage.setting(
      ["vision_config", "num_hidden_layers"], 3,
      #"tensor "vision_model.encoder.layers.2.layer_norm1.weight": is missing, "#
        + "vision_config.hidden_size 12, intermediate_size 20, num_hidden_layers 3 in config.json "
        + "asks for it"),
    Damage.setting(
      ["text_config", "vocab_size"], 12,
      #"tensor "text_model.embeddings.token_embedding.weight": shape is 11×8, 12×8 follows from "#
        + "text_config.hidden_size 8, vocab_size 12 in config.json"),
    Damage.setting(
      ["vision_config", "image_size"], 12,
      #"tensor "vision_model.embeddings.position_embedding.weight": shape is 5×12, 10×12 follows "#
        + "from vision_config.hidden_size 12, image_size 12, patch_size 4 in config.json"),
    Damage(#"tensor "logit_scale": dtype is I32, F32, F16 or BF16 is supported for weights"#) {
      stored, _ in stored[stored.count - 1].type = .int32
    },
    Damage(
      #"the first tensor is "encoder.weight", the names of transformers' CLIPModel or "#
        + #"CLIP…ModelWithProjection ("vision_model.embeddings.patch_embedding.weight") or of "#
        + #"open_clip ("visual.conv1.weight") are supported"#
    ) { stored, _ in
      stored = [.init(name: "encoder.weight", type: .uint8, shape: [0], bytes: [])]
    },
    Damage(
      #"tensor "visual.trunk.stem.0.weight": belongs to an image tower of timm, of which shapes "#
        + "do not say enough; put the model's open_clip_config.json beside the weights"
    ) { stored, _ in
      stored = ["visual.conv1.weight", "visual.trunk.stem.0.weight"].map {
        .init(name: $0, type: .uint8, shape: [0], bytes: [])
      }
    },
    Damage(
      #"model_type is "siglip", "clip", "clip_text_model", "clip_vision_model", "metaclip_2", "#
        + #""metaclip_2_text_model", "metaclip_2_vision_model" are supported"#
    ) { stored, config in
      stored = [
        .init(
          name: "vision_model.head.attention.in_proj_weight", type: .uint8, shape: [0], bytes: [])
      ]
      config = ["model_type": "siglip"]
    },
  ]

  @Test(arguments: damages)
  func `is refused with the tensor, both shapes and the reason`(_ damage: Damage) throws {
    var (stored, config) = (TinyModel().transformers(), TinyModel.both.json)
    damage.change(&stored, &config)
    try folder.write(config, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
    #expect(error?.description.hasSuffix(": " + damage.message) == true, "\(error as Any)")
  }

  @Test func `is refused when its pictures have another size`() throws {
    try folder.write(TinyModel.both.json, "config.json")
    let path = try folder.write(["size": 9, "crop_size": 8], "preprocessor_config.json")
    try TinyModel.write(TinyModel().transformers(), folder.appending("model.safetensors"))
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(folder.path.string) }
    #expect(
      error?.description
        == "\(path): pictures become 8×8, the configuration's image_size is 9")
  }
}

extension TinyModel {
  init(type: ElementType) { self.init(Self.both, type) }
}

extension JSON {
  func setting(_ path: ArraySlice<String>, _ value: JSON) -> JSON {
    guard let key = path.first, var object = object else { return value }
    object[key] = (object[key] ?? .null).setting(path.dropFirst(), value)
    return .object(object)
  }
}
