import Architecture
import Bytes
import Checkpoints
import SystemPackage
import Tensors
import TestSupport
import Testing

@Suite("An adapter")
struct AdapterTests {
  let folder = TemporaryFolder()
  static let containers = Fixture.path("containers")
  static let base = containers.appending("model.safetensors").string

  private func bytes(_ tensor: Tensor) -> [UInt8] {
    let buffer = tensor.buffer
    return buffer.bytes.array
  }

  private func floats(_ tensor: Tensor) -> [Float] {
    let bytes = bytes(tensor)
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
  }

  /// A copy of the plain adapter with another configuration, or other tensors.
  private func adapter(
    _ change: (inout JSON.Object) -> Void = { _ in }, rename: (String) -> String = { $0 }
  ) throws -> FilePath {
    let source = Self.containers.appending("adapter-plain")
    let file = try MappedFile(source.appending("adapter_config.json"))
    let text = file.bytes.array
    var object = try JSON(parsing: text.span).object ?? JSON.Object()
    change(&object)
    try folder.write(JSON.object(object), "adapter_config.json")
    let weights = try Safetensors(source.appending("adapter_model.safetensors"))
    try TinyModel.write(
      weights.tensors.map {
        .init(
          name: rename($0.name), type: $0.elementType, shape: $0.shape,
          bytes: bytes(weights.tensor($0)))
      }, folder.appending("adapter_model.safetensors"))
    return folder.path
  }

  private func message(_ path: FilePath) -> String? {
    #expect(throws: CheckpointError.self) {
      try Checkpoint(Self.base, adapter: Adapter(path))
    }?.description
  }

  @Test(arguments: ["plain", "stable"])
  func `is merged as PEFT merges it`(name: String) throws {
    let folder = Self.containers.appending("adapter-\(name)")
    let expected = try Safetensors(folder.appending("merged.safetensors"))
    let base = try Checkpoint(Self.base)
    let file = folder.appending(
      name == "plain" ? "adapter_model.safetensors" : "adapter_model.bin")
    for path in [folder, file] {
      let merged = try Checkpoint(Self.base, adapter: Adapter(path))
      for parameter in base.graph.parameters {
        let found = merged.tensor(parameter.name)
        guard let entry = expected.entry(named: parameter.name) else {
          #expect(bytes(found) == bytes(base.tensor(parameter.name)))
          continue
        }
        let pairs = zip(floats(found), floats(expected.tensor(entry)))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 }, "\(parameter.name)")
        #expect(bytes(found) != bytes(base.tensor(parameter.name)))
      }
      let ranks = name == "plain" ? "9 layers, rank 3" : "7 layers, rank 2, 4"
      #expect(merged.assumptions.first == "the adapter \(path) was merged into \(ranks)")
    }
  }

  /// The plain adapter in kohya's names.
  private func kohya(
    rename: (String) -> String? = { $0 }, alpha: [UInt8] = [0, 0, 0, 0x41]
  ) throws -> FilePath {
    let weights = try Safetensors(
      Self.containers.appending("adapter-plain/adapter_model.safetensors"))
    var stored = [
      TinyModel.Stored(
        name: "lora_unet_mid_block_proj.lora_down.weight", type: .float32, shape: [1],
        bytes: [0, 0, 0, 0])
    ]
    for entry in weights.tensors {
      let isDown = entry.name.hasSuffix(".lora_A.weight")
      let layer = entry.name.dropFirst("base_model.model.".count).dropLast(".lora_A.weight".count)
      let name = "lora_te_" + layer.replacing(".", with: "_")
      guard
        let renamed = rename("\(name).lora_\(isDown ? "down" : "up").weight")
      else { continue }
      stored.append(
        .init(
          name: renamed, type: entry.elementType, shape: entry.shape,
          bytes: bytes(weights.tensor(entry))))
      guard isDown else { continue }
      stored.append(
        .init(name: name + ".alpha", type: .float32, shape: [], bytes: alpha))
    }
    let path = folder.appending("kohya.safetensors")
    try TinyModel.write(stored, path)
    return path
  }

  @Test func `in kohya's names is merged as PEFT merges it`() throws {
    let path = try kohya()
    let plain = Self.containers.appending("adapter-plain")
    let expected = try Checkpoint(Self.base, adapter: Adapter(plain))
    let merged = try Checkpoint(Self.base, adapter: Adapter(path))
    for parameter in expected.graph.parameters {
      #expect(bytes(merged.tensor(parameter.name)) == bytes(expected.tensor(parameter.name)))
    }
    #expect(
      merged.assumptions.first == "the adapter \(path) was merged into 9 layers, rank 3; 1 tensors "
        + "of a picture generator (lora_unet_…) were left out")
  }

  @Test func `in kohya's names that is no LoRA of one text encoder is refused`() throws {
    let first = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    let half = try kohya(rename: { $0 == "\(first).lora_up.weight" ? nil : $0 })
    #expect(
      message(half)
        == "\(half): tensor \"\(first).lora_down.weight\": is there without its other half, "
        + "lora_down and lora_up are needed")
    let second = try kohya(rename: {
      $0.hasPrefix(first) ? $0.replacing("lora_te_", with: "lora_te2_") : $0
    })
    #expect(message(second)?.contains("belongs to a second text encoder (lora_te") == true)
    let other = try kohya(rename: {
      $0 == "\(first).lora_up.weight" ? "\(first).hada_w1_a" : $0
    })
    #expect(
      message(other)?.hasSuffix(
        "\"\(first).hada_w1_a\": is no part of a LoRA of a text encoder in kohya's names "
          + "(lora_te_….lora_down.weight)") == true)
    let infinite = try kohya(alpha: [0, 0, 0x80, 0x7f])
    #expect(message(infinite)?.contains("one finite number is needed") == true)
  }

  /// Switches of PEFT that change what an adapter does.
  static let switches: [(key: String, value: JSON, excerpt: String)] = [
    ("use_dora", true, "true"), ("bias", "all", "\"all\""), ("fan_in_fan_out", true, "true"),
    ("modules_to_save", ["logit_scale"], "an array"), ("lora_bias", true, "true"),
    ("init_lora_weights", "pissa", "\"pissa\""), ("layer_replication", [1], "an array"),
    ("a_switch_of_the_future", 1, "1"),
  ]

  @Test(arguments: switches)
  func `with a switch that is not merged is refused by its name`(
    key: String, value: JSON, excerpt: String
  ) throws {
    let path = try adapter { $0[key] = value }
    #expect(
      message(path)
        == "\(path)/adapter_config.json: \(key) is \(value.excerpt), which is not merged here; "
        + "merge "
        + "the adapter in PEFT (merge_and_unload) and convert the result")
  }

  @Test func `of another kind is refused by its name`() throws {
    let path = try adapter { $0["peft_type"] = "LOHA" }
    #expect(
      message(path) == "\(path)/adapter_config.json: peft_type is \"LOHA\", \"LORA\" is merged")
    let layer = "text_model.encoder.layers.0.mlp.fc1"
    for (mark, kind) in [
      ("lora_magnitude_vector", "belongs to DoRA"), ("hada_w1_a", "belongs to LoHa"),
      ("lora_up.weight", "is in the names of kohya"), ("new", "is no part of a LoRA"),
    ] {
      let name = "base_model.model.\(layer).\(mark)"
      let path = try adapter(rename: { $0.hasSuffix("\(layer).lora_A.weight") ? name : $0 })
      #expect(
        message(path)
          == "\(path)/adapter_model.safetensors: tensor \"\(name)\": \(kind), which is not merged "
          + "here; merge the adapter in PEFT (merge_and_unload) and convert the result")
    }
  }

  @Test func `that does not fit is refused`() throws {
    let rank = try adapter { $0["r"] = 4 }
    #expect(
      message(rank)
        == "\(rank)/adapter_model.safetensors: tensor "
        + "\"text_model.encoder.layers.0.mlp.fc1.lora_A.weight\": has rank 3, r is 4.0 in "
        + "adapter_config.json")
    let layer = try adapter(rename: { $0.replacing("layers.0.mlp", with: "layers.7.mlp") })
    #expect(
      message(layer)
        == "\(layer)/adapter_model.safetensors: tensor "
        + "\"text_model.encoder.layers.7.mlp.fc1.weight\": the model has 0 tensors of that name, "
        + "1 is "
        + "needed; is the adapter of another model?")
    let half = try adapter(rename: {
      $0.replacing("layers.1.mlp.fc1.lora_B", with: "layers.1.mlp.fc9.lora_B")
    })
    #expect(
      message(half)?.hasSuffix("is there without its other half, lora_A and lora_B are needed")
        == true)
  }

  @Test func `is refused where it is given or lies as a model`() throws {
    let path = try adapter { $0["base_model_name_or_path"] = "org/base" }
    let guidance = "convert the model that it was trained for (\"org/base\"), and give this as its "
    #expect(
      #expect(throws: CheckpointError.self) { try Checkpoint(path.string) }?.description
        == "\(path): holds an adapter (PEFT) and no model; " + guidance + "adapter")
    for file in [Self.base, Self.containers.appending("config.json").string] {
      let copy = try MappedFile(FilePath(file))
      try folder.write(copy.bytes.array, FilePath(file).lastComponent?.string ?? "")
    }
    #expect(
      #expect(throws: CheckpointError.self) { try Checkpoint(path.string) }?.description
        == "\(path)/adapter_config.json: lies beside the weights, so transformers loads them "
        + "with the "
        + "adapter; give the folder as the adapter too to merge it, or move the file away")
    _ = try Checkpoint(path.string, adapter: Adapter(path))
  }

  @Test(arguments: [
    "text_model.encoder.layers.0.mlp.fc1.lora_A.default.weight",
    "text_model.encoder.layers.0.mlp.fc1.base_layer.weight",
    "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", "a.lora_magnitude_vector",
  ])
  func `among a model's tensors is never dropped`(name: String) throws {
    let model = TinyModel()
    try folder.write(model.configuration.json, "config.json")
    let extra = TinyModel.Stored(name: name, type: .float32, shape: [1], bytes: [0, 0, 0, 0])
    let path = folder.appending("model.safetensors")
    try TinyModel.write(model.transformers() + [extra], path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(path.string) }
    #expect(
      error?.description.hasPrefix("\(path): tensor \"\(name)\": is part of an adapter (") == true)
  }

  @Test func `of directions and lengths is named`() throws {
    let model = TinyModel()
    try folder.write(model.configuration.json, "config.json")
    var stored = model.transformers()
    let index = try #require(stored.firstIndex { $0.name.hasSuffix("fc1.weight") })
    let layer = stored[index].name.dropLast("weight".count)
    stored[index].name = layer + "theta"
    stored.append(.init(name: layer + "r", type: .float32, shape: [1], bytes: [0, 0, 0, 0]))
    let path = folder.appending("model.safetensors")
    try TinyModel.write(stored, path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(path.string) }
    #expect(
      error?.description
        == "\(path): tensor \"\(layer)theta\": is the direction of a weight whose lengths are "
        + "\"\(layer)r\" (GmP); save r · theta / |theta| for each row as the layer's weight")
  }

  @Test func `or an average beside a model is refused where it differs`() throws {
    let model = TinyModel()
    try folder.write(model.configuration.json, "config.json")
    let path = folder.appending("model.safetensors")
    let twice = model.transformers(prefix: "model.") + model.transformers(prefix: "ema.")
    try TinyModel.write(twice, path)
    let checkpoint = try Checkpoint(path.string)
    #expect(
      checkpoint.assumptions.first == "the tensors under \"ema.\" and \"model.\" are the same")
    var other = twice
    other[other.count - 1].bytes[0] ^= 1
    try TinyModel.write(other, path)
    let error = #expect(throws: CheckpointError.self) { try Checkpoint(path.string) }
    #expect(
      error?.description
        == "\(path): holds two sets of tensors that differ, under \"ema.\" and under \"model.\"; "
        + "save "
        + "the one to use alone")
  }
}
