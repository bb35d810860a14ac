import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

/// What a checkpoint holds that its network has no use for: never dropped without a word.
@Suite("what a checkpoint has besides")
struct UnusedTests {
  let folder = TemporaryFolder()
  let model = TinyModel()

  private func checkpoint(
    _ stored: [TinyModel.Stored], _ files: [String: JSON] = [:]
  ) throws -> Checkpoint {
    try folder.write(model.configuration.json, "config.json")
    for (name, json) in files { try folder.write(json, name) }
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    return try Checkpoint(folder.path.string)
  }

  private func tensor(_ name: String, like other: String? = nil) -> TinyModel.Stored {
    if let other, var stored = model.transformers().first(where: { $0.name == other }) {
      stored.name = name
      return stored
    }
    return .init(name: name, type: .float32, shape: [1], bytes: [0, 0, 0x80, 0x3f])
  }

  @Test(arguments: [
    "logit_bias", "text_projection.bias", "visual_projection.bias",
    "vision_model.encoder.layers.0.ls_1.gamma", "vision_model.encoder.layers.1.self_attn.q_norm",
    "text_model.encoder.layers.0.adapter.weight", "vision_model.register_tokens",
    "text_model.embeddings.position_embedding_res.weight",
  ])
  func `a tensor of a tower that nothing reads is refused`(name: String) {
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint(model.transformers() + [tensor(name)])
    }
    #expect(
      error?.description
        == "\(folder.appending("model.safetensors")): tensor \"\(name)\": belongs to no part of "
        + "the model that this program knows")
  }

  @Test(arguments: [
    "visual.ls.gamma", "text_projection.bias", "logit_bias", "transformer.x.weight",
  ])
  func `so it is in open_clip's names`(name: String) {
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint(model.openCLIP() + [tensor(name)])
    }
    #expect(error?.description.contains("tensor \"\(name)\": belongs to no part") == true)
  }

  @Test func `what lies beside the model is said and counted`() throws {
    let one = try checkpoint(model.transformers() + [tensor("classifier.weight")])
    #expect(
      one.assumptions.contains(
        "1 tensor lies beside the model and is no part of it: \"classifier.weight\""))
    let two = try checkpoint(
      model.transformers() + [tensor("optimizer.step"), tensor("classifier.weight")])
    #expect(
      two.assumptions.contains(
        "2 tensors lie beside the model and are no part of it: \"classifier.weight\", …"))
    #expect(model.matches(two))
  }

  @Test func `what says nothing is no matter`() throws {
    let harmless = [
      "text_model.embeddings.position_ids", "vision_model.embeddings.position_ids",
    ]
    let found = try checkpoint(model.transformers() + harmless.map { tensor($0) })
    #expect(!found.assumptions.contains { $0.contains("tensor") })
    let numbers = ["input_resolution", "context_length", "vocab_size"].map { tensor($0) }
    #expect(
      try !checkpoint(model.openCLIP() + numbers).assumptions.contains { $0.contains("tensor") })
  }

  @Test func `a tower that no file describes is counted`() throws {
    var model = model
    let stored = model.transformers()
    model.configuration.image = nil
    try folder.write(model.configuration.json, "config.json")
    try TinyModel.write(stored, folder.appending("model.safetensors"))
    let notes = try Checkpoint(folder.path.string).assumptions
    #expect(
      notes.contains { $0.hasSuffix(" of the image tower, which no file describes, are not taken") }
    )
  }

  @Test func `one tensor twice is refused where the two differ`() throws {
    let name = "visual_projection.weight"
    var copy = tensor("ema." + name, like: name)
    #expect(throws: Never.self) { try checkpoint(model.transformers() + [copy]) }
    copy.bytes[0] ^= 1
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint(model.transformers() + [copy])
    }
    #expect(
      error?.description
        == "\(folder.appending("model.safetensors")): tensor \"ema.\(name)\": is \"\(name)\" again"
        + ", with other values; save the one to use alone")
  }

  @Test func `keys that nothing reads are said`() throws {
    var config = model.configuration.json
    config = config.setting(["vision_config", "use_rope"], true)
    let one = try checkpoint(model.transformers(), ["config.json": config])
    #expect(
      one.assumptions.contains(
        "config.json has the key vision_config.use_rope, which is not known and has no effect here")
    )
    config = config.setting(["text_config", "pooling"], "mean").setting(["is_causal"], false)
    let processor: JSON = ["do_flip_channel_order": true, "size": 9, "crop_size": 9]
    let more = try checkpoint(
      model.transformers(), ["config.json": config, "preprocessor_config.json": processor])
    #expect(
      more.assumptions.contains {
        $0.hasPrefix("config.json has 3 keys that are not known and have")
      })
    #expect(
      more.assumptions.contains(
        "preprocessor_config.json has the key do_flip_channel_order, which is not known and has no "
          + "effect here"))
  }

  @Test func `two files of a processor that differ are said`() throws {
    let one: JSON = ["size": 9, "crop_size": 9]
    let other: JSON = ["image_processor": ["size": 9, "crop_size": 9, "image_mean": 0.5]]
    let note =
      "processor_config.json and preprocessor_config.json prepare pictures differently; "
      + "processor_config.json counts, as in transformers 5"
    let files = ["preprocessor_config.json": one, "processor_config.json": other]
    let found = try checkpoint(model.transformers(), files)
    #expect(found.assumptions.contains(note))
    #expect(found.preprocessing?.mean == [0.5, 0.5, 0.5])
    let same = ["preprocessor_config.json": one, "processor_config.json": ["image_processor": one]]
    #expect(try !checkpoint(model.transformers(), same).assumptions.contains(note))
  }

  private static let changing: [(String, JSON)] = [
    ("quantization_config", ["quant_method": "bitsandbytes"]),
    ("auto_map", ["AutoModel": "modeling.Model"]),
  ]

  @Test(arguments: changing)
  func `keys that change what is loaded are refused`(key: String, value: JSON) {
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint(
        model.transformers(), ["config.json": model.configuration.json.setting([key], value)])
    }
    #expect(error?.description.hasSuffix("no such key is supported") == true)
  }
}
